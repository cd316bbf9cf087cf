import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { acpiTables } from '../../../bindings/xen/acpi/tables.ts';

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

const pc = {
  vcpus: 2,
  maxVcpus: 2,
  hardware: { pm1Event: 0x1f40, hpetAddress: 0xfed0_0000, ioApicAddress: 0xfec0_0000 },
};

test('the tables can be reached from the root pointer and add up', () => {
  for (const vcpus of [1, 2, 127]) {
    const tables = walk(acpiTables(BASE, { vcpus, maxVcpus: vcpus }));
    assert.deepEqual([...tables.keys()].sort(), ['APIC', 'DSDT', 'FACP', 'XSDT']);
    assert.equal(tables.get('APIC')?.length, 44 + 8 * vcpus);
  }
});

test("processors have the APIC ids that Xen gives a domain's vCPUs", () => {
  const madt = walk(acpiTables(BASE, { vcpus: 3, maxVcpus: 3 })).get('APIC');
  const entries = [0, 1, 2].map((vcpu) => madt?.subarray(44 + 8 * vcpu, 52 + 8 * vcpu));
  assert.deepEqual(entries, [
    Buffer.of(0, 8, 0, 0, 1, 0, 0, 0),
    Buffer.of(0, 8, 1, 2, 1, 0, 0, 0),
    Buffer.of(0, 8, 2, 4, 1, 0, 0, 0),
  ]);
});

test('a PC has its interrupt controller, its timers and the FACS that its kernel looks for', () => {
  const memory = acpiTables(BASE, pc);
  const tables = walk(memory);
  assert.deepEqual([...tables.keys()].sort(), ['APIC', 'DSDT', 'FACP', 'HPET', 'XSDT']);
  const facs = (tables.get('FACP')?.readUInt32LE(36) ?? 0) - BASE;
  assert.equal(facs % 64, 0);
  assert.equal(memory.toString('latin1', facs, facs + 4), 'FACS');
  assert.equal(memory.readUInt32LE(facs + 4), 64);
  const entries = tables.get('APIC')?.subarray(44 + 2 * 8);
  assert.deepEqual(entries?.subarray(0, 12), Buffer.of(1, 12, 1, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0, 0));
  assert.deepEqual(entries?.subarray(12, 22), Buffer.of(2, 10, 0, 0, 2, 0, 0, 0, 0, 0));
});

/** What iasl makes of each table, without a complaint. */
function disassemble(tables: Buffer): (signature: string) => string {
  const texts = new Map<string, string>();
  const directory = mkdtempSync(join(tmpdir(), 'domb-acpi-'));
  try {
    for (const [name, bytes] of walk(tables)) {
      const file = join(directory, `${name}.dat`);
      writeFileSync(file, bytes);
      const output = execFileSync('iasl', ['-d', file], { encoding: 'utf8', stdio: 'pipe' });
      assert.doesNotMatch(output, /error|warning|invalid|exceed/i);
      texts.set(name, readFileSync(join(directory, `${name}.dsl`), 'utf8'));
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
  return (signature) => texts.get(signature) ?? assert.fail(`no table ${signature}`);
}

test("the ACPI project's own disassembler reads them without complaint", () => {
  const table = disassemble(acpiTables(BASE, { vcpus: 2, maxVcpus: 2 }));
  assert.match(table('FACP'), /Hardware Reduced \(V5\) : 1/);
  assert.match(table('FACP'), /DSDT Address : 00000000FC0000[0-9A-F]{2}/);
  assert.match(table('APIC'), /Local Apic ID : 02/);
});

test('the disassembler finds the registers that Xen emulates', () => {
  const table = disassemble(acpiTables(BASE, pc));
  assert.match(table('FACP'), /Hardware Reduced \(V5\) : 0/);
  assert.match(table('FACP'), /SCI Interrupt : 0009/);
  assert.match(table('FACP'), /PM1A Event Block Address : 00001F40/);
  assert.match(table('FACP'), /PM Timer Block Address : 00001F48/);
  assert.match(table('FACP'), /CMOS RTC Not Present \(V5\) : 0/);
  assert.match(table('HPET'), /Address : 00000000FED00000/);
});

test('processors that may be added are not enabled, and stand among the devices', () => {
  const table = disassemble(acpiTables(BASE, { vcpus: 1, maxVcpus: 127 }));
  const madt = table('APIC');
  assert.equal(madt.match(/Processor Enabled : 1/g)?.length, 1);
  assert.equal(madt.match(/Runtime Online Capable : 1/g)?.length, 126);
  const dsdt = table('DSDT');
  assert.equal(dsdt.match(/Device \(C[0-9A-F]{3}\)/g)?.length, 126);
  assert.match(dsdt, /Device \(C07E\)\s*\{\s*Name \(_HID, "ACPI0007"/);
  assert.match(dsdt, /0x00, 0x08, 0x7E, 0xFC, 0x01, 0x00, 0x00, 0x00/);
});
