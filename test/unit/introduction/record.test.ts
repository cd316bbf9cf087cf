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
    ends: { poweroff: 'destroy', reboot: 'destroy', crash: 'destroy' },
    pci: ['0000:00:05.0'],
    disks: [],
    vifs: [],
    xenstore: { frame: 0x1234, port: 3 },
  });
  assert.equal(domains[0]?.hardware, true);
});

test('so is what becomes of a domain that stops', () => {
  const [, domain] = parse(aRecord({ onPoweroff: 'preserve', onCrash: 'destroy' })).domains;
  assert.deepEqual(domain?.ends, { poweroff: 'preserve', reboot: 'destroy', crash: 'destroy' });
});

test('disks and network interfaces are known where the record tells of them', () => {
  const disks = [
    { vdev: 'xvda', target: '/dev/vg/a', access: 'w' },
    { vdev: 'xvdb1', target: 'iqn.2001-05:x', access: 'r', script: 'block-iscsi', discard: false },
  ];
  const vifs = [
    {},
    {
      ...{ mac: '00:16:3e:12:34:56', bridge: 'xenbr0', ip: '10.0.0.1 10.0.0.2/31' },
      ...{ script: 'vif-route', vifname: 'lan', gatewaydev: 'eth0', mtu: 1400 },
      rate: { bytes: 25_000, microseconds: 20_000 },
    },
  ];
  const [, domain] = parse(aRecord({ disks, vifs })).domains;
  assert.deepEqual([domain?.disks, domain?.vifs], [disks, vifs]);
});

test('vCPUs that start offline are known where the record tells of them', () => {
  const [, domain] = parse(aRecord({ maxVcpus: 4 })).domains;
  assert.deepEqual([domain?.vcpus, domain?.maxVcpus], [2, 4]);
});

const again = {
  ...{ kernel: 'vmlinux', ramdisk: ['a.cpio', 'guests/b.cpio'], cmdline: 'quiet', cpus: [1, 3] },
  ...{ limits: { grantFrames: 32 }, nestedHvm: false, msrRelaxed: true, uuidFixed: true },
};

test('what builds a domain again is known where the record tells of it', () => {
  const more = { onReboot: 'restart', again, pci: [] };
  const [, domain] = parse(aRecord(more)).domains;
  assert.equal(domain?.ends.reboot, 'restart');
  assert.deepEqual(domain?.again, again);
  const others: [object, RegExp][] = [
    [{ pci: ['0000:00:05.0'] }, /nobody can build again/],
    [{ vtpm: 'dom0' }, /nobody can build again/],
    [{ capabilities: ['hardware'] }, /nobody can build again/],
    [{ again: undefined }, /"again" is nothing|do not agree/],
    [{ onReboot: 'destroy' }, /do not agree/],
    ...['/vmlinux', '../vmlinux', 'a/../b', 'a//b', './a', 'a/', '', 'a b', 7].map(
      (kernel): [object, RegExp] => [{ again: { ...again, kernel } }, /"kernel" is/],
    ),
    [{ again: { ...again, ramdisk: ['../x'] } }, /is no image/],
    [{ again: { ...again, cmdline: 'a\n' } }, /"cmdline" is/],
    [{ again: { ...again, cpus: [-1] } }, /is no CPU/],
    [{ again: { ...again, limits: { grantFrames: 'all' } } }, /"grantFrames" is/],
    [{ again: { ...again, nestedHvm: 'yes' } }, /"nestedHvm" is/],
  ];
  for (const [other, expected] of others) {
    const record = JSON.parse(JSON.stringify(aRecord({ ...more, ...other })));
    assert.throws(() => parse(record), expected, JSON.stringify(other));
  }
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
  disks: [
    ...[null, {}, [{}], [{ vdev: 'xvda', target: '/dev/a' }]],
    [{ vdev: 'sda', target: '/dev/a', access: 'r' }],
    [{ vdev: 'xvda', target: '/dev/a\n', access: 'r' }],
    [{ vdev: 'xvda', target: '/dev/a', access: 'r', script: '../x' }],
    [{ vdev: 'xvda', target: '/dev/a', access: 'r', discard: 1 }],
  ],
  vifs: [
    ...[null, {}, [7], [{ mac: '01:16:3e:12:34:56' }], [{ bridge: 'a b' }], [{ ip: '$(x)' }]],
    ...[[{ script: '/x' }], [{ vifname: '..' }], [{ mtu: 1 }], [{ rate: { bytes: 1 } }]],
  ],
  onPoweroff: ['restart', '', null, 0],
  again: [again, null, []],
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
