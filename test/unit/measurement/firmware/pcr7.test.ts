import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { HashAlgorithm } from 'node-tpm2-pts';
import { type AnyLog, readAnyLog } from '../../../../measurement/event-log/any-log.ts';
import { predictPcr7 } from '../../../../measurement/firmware/pcr7.ts';
import {
  noKeys,
  type SecureBootKeys,
  type SecureBootVariable,
  secureBootVariables,
} from '../../../../measurement/firmware/secure-boot-keys.ts';
import { signatureEntries } from '../../../../measurement/firmware/signature-lists.ts';
import { efiVariable } from '../../../../measurement/formats/firmware/efi-events.ts';

const logs = join(import.meta.dirname, '../../../logs');
const bytesOf = (name: string) => readFileSync(join(logs, `${name}.bin`));
const published = JSON.parse(readFileSync(join(logs, 'expected.json'), 'utf8'));

const events7 = (log: AnyLog) => [...log.events()].filter(({ pcr }) => pcr === 7);
const AUTHORITY = 0x800000e0;

/** The keys of a machine, from what its firmware measured of them. */
function keysOf(log: AnyLog): SecureBootKeys {
  const config = events7(log).filter(({ type }) => type === 0x80000001);
  const measured = new Map(
    config.map(({ data }) => [efiVariable(data).name, efiVariable(data).data]),
  );
  const held = secureBootVariables
    .map((name): [SecureBootVariable, Buffer] => [name, measured.get(name) ?? Buffer.alloc(0)])
    .filter(([, data]) => data.length > 0);
  return { on: measured.get('SecureBoot')?.[0] === 1, variables: new Map(held) };
}

/** The entry of db by which a machine started what it started first. */
function entryOf(log: AnyLog, { on, variables }: SecureBootKeys) {
  if (!on) return undefined;
  const [first] = events7(log).filter(({ type }) => type === AUTHORITY);
  const measured = first && efiVariable(first.data).data;
  const db = signatureEntries(variables.get('db') ?? Buffer.alloc(0), 'db');
  return db.find(({ signature }) => measured?.equals(signature));
}

for (const [name, on, count] of [
  ['cos-101', true, 7],
  ['rhel8', true, 7],
  ['startup-locality-and-sp800-155', true, 7],
  ['ubuntu-24.04-sev-snp', false, 6],
  ['bootorder', false, 6],
] as const) {
  test(`PCR 7 of ${name} begins as it is predicted from the machine's keys`, () => {
    const log = readAnyLog(bytesOf(name));
    const keys = keysOf(log);
    assert.equal(keys.on, on);
    const banks = log.algorithms.map((each) => each.name as HashAlgorithm);
    const { events } = predictPcr7(keys, entryOf(log, keys), banks);
    assert.equal(events.length, count);
    const brief = (list: readonly (typeof events)[number][]) =>
      list.map(({ pcr, type, digests, data }) => [pcr, type, digests, data.toString('hex')]);
    assert.deepEqual(brief(events), brief(events7(log).slice(0, count)));
  });
}

test('without keys it is the value that OVMF leaves', () => {
  for (const [bank, value] of predictPcr7(noKeys, undefined, ['sha1', 'sha256']).values) {
    assert.equal(value.toString('hex'), published['bootorder.bin'].pcrs[bank][7], bank);
  }
});

test('each bit of each variable changes the prediction', () => {
  const keys = keysOf(readAnyLog(bytesOf('cos-101')));
  const entry = entryOf(readAnyLog(bytesOf('cos-101')), keys);
  const value = (changed: SecureBootKeys) =>
    predictPcr7(changed, entry, ['sha256']).values.get('sha256')?.toString('hex');
  const seen = new Set([value(keys)]);
  for (const [name, bytes] of keys.variables) {
    const bits = [0, 77, 8 * bytes.length - 1];
    for (const bit of bits) {
      const other = Buffer.from(bytes);
      other.writeUInt8(other.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      seen.add(value({ ...keys, variables: new Map([...keys.variables, [name, other]]) }));
    }
  }
  for (const name of ['dbt', 'dbr'] as const) {
    seen.add(value({ ...keys, variables: new Map([...keys.variables, [name, Buffer.of(1)]]) }));
  }
  assert.equal(seen.size, 1 + 3 * 4 + 2);
});
