import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseBootRecord, RecordError } from '../../../introduction/record.ts';
import { aRecord, guest } from './support.ts';

const parse = (value: unknown) => parseBootRecord(JSON.stringify(value), 'record.json');

test('a record as domB writes it is read', () => {
  const { hardwareDomid, domains } = parse(aRecord());
  assert.equal(hardwareDomid, 0);
  assert.deepEqual(domains[1], {
    name: 'guest',
    domid: 1,
    uuid: '5d2b1f1e-8f0e-4c9e-9d0a-1c7a5f3e2b11',
    type: 'pv',
    memoryKiB: 131072,
    maxMemoryKiB: 262144,
    vcpus: 2,
    maxVcpus: 2,
    hardware: false,
    pci: ['0000:00:05.0'],
    xenstore: { frame: 0x1234, port: 3 },
  });
  assert.equal(domains[0]?.hardware, true);
});

test('vCPUs that start offline are known where the record tells of them', () => {
  const [, domain] = parse(aRecord({ maxVcpus: 4 })).domains;
  assert.deepEqual([domain?.vcpus, domain?.maxVcpus], [2, 4]);
});

const wrong: Record<string, unknown> = {
  name: ['', '../x', 'a/b', 'a b', '7', 'a\n', 'x'.repeat(64), 1, null, undefined],
  domid: [-1, 0x7fef, 1.5, '1', null, 0],
  uuid: ['', 'zz', guest().uuid.toUpperCase(), `${guest().uuid}/..`],
  type: ['vm', 'p', 'pvhh', true],
  memoryKiB: [0, 2 ** 60, '1'],
  maxMemoryKiB: [131071, Number.NaN],
  vcpus: [0, 8193],
  maxVcpus: [1, 'all'],
  capabilities: [undefined, 'hardware', {}, [{}], [{ toString: 1, valueOf: 1 }], [['hardware']]],
  pci: ['0000:00:05.0', [{ toString: 1 }], [null]],
  xenstore: [
    ...[null, true, [], {}, { frame: 0, port: 1 }, { frame: 1, port: 0 }, { frame: 1 }],
    { frame: 1, port: 1, told: 'yes' },
  ],
  vtpm: ['', '../x', 7, null, {}],
  console: [
    { frame: 2 ** 52, port: 1 },
    { frame: 1, port: 2 ** 20 },
  ],
};

for (const [field, values] of Object.entries(wrong)) {
  test(`a domain with another kind of ${field} is refused`, () => {
    for (const value of values as unknown[]) {
      assert.throws(() => parse(aRecord({ [field]: value })), RecordError, JSON.stringify(value));
    }
  });
}

test('what is no record at all is refused, by name', () => {
  for (const text of ['', '{', '[]', 'null', '{"version":1}', '{"version":2,"domains":[]}']) {
    assert.throws(
      () => parseBootRecord(text, 'some.json'),
      (error) => error instanceof RecordError && error.message.startsWith('some.json: '),
    );
  }
  const twice = aRecord();
  twice.domains.push({ ...guest(), domid: 9 });
  assert.throws(() => parse(twice), /one name or one domid/);
});
