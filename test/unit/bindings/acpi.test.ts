import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { acpiTables } from '../../../bindings/xen/acpi.ts';

const BASE = 0xfc00_0000;

/** Follows the addresses as an operating system does, and checks each table's length and sum. */
function walk(memory: Buffer): Map<string, Buffer> {
  const at = (address: bigint): Buffer => {
    const start = Number(address) - BASE;
    const found = memory.subarray(start, start + memory.readUInt32LE(start + 4));
    assert.equal(sum(found), 0, `checksum of ${found.toString('latin1', 0, 4)}`);
    return found;
  };
  assert.equal(memory.toString('latin1', 0, 8), 'RSD PTR ');
  assert.equal(sum(memory.subarray(0, 20)), 0);
  assert.equal(sum(memory.subarray(0, 36)), 0);
  const xsdt = at(memory.readBigUInt64LE(24));
  const tables = [xsdt];
  for (let i = 36; i < xsdt.length; i += 8) tables.push(at(xsdt.readBigUInt64LE(i)));
  const fadt = tables.find((table) => table.toString('latin1', 0, 4) === 'FACP');
  if (fadt !== undefined) tables.push(at(fadt.readBigUInt64LE(140)));
  return new Map(tables.map((table) => [table.toString('latin1', 0, 4), table]));
}

function sum(bytes: Buffer): number {
  return bytes.reduce((total, byte) => (total + byte) & 0xff, 0);
}

test('the tables can be reached from the root pointer and add up', () => {
  for (const vcpus of [1, 2, 127]) {
    const tables = walk(acpiTables(BASE, vcpus));
    assert.deepEqual([...tables.keys()].sort(), ['APIC', 'DSDT', 'FACP', 'XSDT']);
    assert.equal(tables.get('APIC')?.length, 44 + 8 * vcpus);
  }
});

test("processors have the APIC ids that Xen gives a domain's vCPUs", () => {
  const madt = walk(acpiTables(BASE, 3)).get('APIC');
  const entries = [0, 1, 2].map((vcpu) => madt?.subarray(44 + 8 * vcpu, 52 + 8 * vcpu));
  assert.deepEqual(entries, [
    Buffer.of(0, 8, 0, 0, 1, 0, 0, 0),
    Buffer.of(0, 8, 1, 2, 1, 0, 0, 0),
    Buffer.of(0, 8, 2, 4, 1, 0, 0, 0),
  ]);
});

test("the ACPI project's own disassembler reads them without complaint", () => {
  const directory = mkdtempSync(join(tmpdir(), 'domb-acpi-'));
  try {
    for (const [name, bytes] of walk(acpiTables(BASE, 2))) {
      const file = join(directory, `${name}.dat`);
      writeFileSync(file, bytes);
      const output = execFileSync('iasl', ['-d', file], { encoding: 'utf8', stdio: 'pipe' });
      assert.doesNotMatch(output, /error|warning|invalid|exceed/i);
    }
    const fadt = readFileSync(join(directory, 'FACP.dsl'), 'utf8');
    assert.match(fadt, /Hardware Reduced \(V5\) : 1/);
    assert.match(fadt, /DSDT Address : 00000000FC0001[0-9A-F]{2}/);
    assert.match(readFileSync(join(directory, 'APIC.dsl'), 'utf8'), /Local Apic ID : 02/);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
