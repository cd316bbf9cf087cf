import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LibxlDevice } from '../../../bindings/libxl.ts';
import { diskNumber } from '../../../domains/served-devices.ts';
import { attachDevices } from '../../../introduction/devices.ts';
import { IntroductionError } from '../../../introduction/introduction-error.ts';
import { diskDevice, nicDevice, pciDevice } from '../../../introduction/libxl-devices.ts';
import { parseBootRecord } from '../../../introduction/record.ts';
import { aRecord } from './support.ts';

function guestWith(more: Record<string, unknown>) {
  const { domains } = parseBootRecord(JSON.stringify(aRecord({ pci: [], ...more })), 'record.json');
  return domains[1] ?? assert.fail();
}

/** A dom0 with these nodes in xenstore, and what is done in it; `refused` fails. */
function dom0(nodes: Record<string, string> = {}, refused?: string) {
  const deeds: string[] = [];
  return {
    deeds,
    nodes,
    // As a method, since that is what the real one has.
    read(path: string) {
      return this.nodes[path];
    },
    async attach(domid: number, name: string, { kind }: LibxlDevice) {
      if (name === refused) throw new IntroductionError(`cannot attach ${name}`, 'mend it');
      deeds.push(`${kind} ${name} to ${domid}`);
    },
    load: async (kind: string) => void deeds.push(`load ${kind}`),
  };
}

const disks = [
  { vdev: 'xvda', target: '/dev/vg/guest', access: 'w' },
  { vdev: 'xvdb', target: '/dev/vg/data', access: 'r' },
];
const vifs = [{ bridge: 'xenbr0' }, { vifname: 'lan' }];

test('a domain gets its disks, interfaces and PCI devices, each with its driver', async () => {
  const { deeds, load, ...control } = dom0();
  const domain = guestWith({ disks, vifs, pci: ['0000:00:05.0'] });
  assert.deepEqual(await attachDevices(domain, control, load), {
    got: { disk: ['xvda', 'xvdb'], vif: ['vif1.0', 'lan'], pci: ['0000:00:05.0'] },
  });
  assert.deepEqual(deeds, [
    ...['load disk', 'disk xvda to 1', 'load disk', 'disk xvdb to 1'],
    ...['load nic', 'nic vif1.0 to 1', 'load nic', 'nic lan to 1'],
    ...['load pci', 'pci 0000:00:05.0 to 1'],
  ]);
});

test('what it has already is left alone', async () => {
  const { deeds, load, ...control } = dom0({
    '/libxl/1/device/vbd/51712': '',
    '/libxl/1/device/vif/1': '',
    '/local/domain/0/backend/pci/1/0/num_devs': '2',
    '/local/domain/0/backend/pci/1/0/dev-1': '0000:00:05.0',
  });
  const domain = guestWith({ disks, vifs, pci: ['0000:00:05.0', '0000:00:06.0'] });
  const { got } = await attachDevices(domain, control, load);
  assert.deepEqual(got, { disk: ['xvdb'], vif: ['vif1.0'], pci: ['0000:00:06.0'] });
  assert.equal(deeds.length, 6);
});

test('one that fails is told, and the others are attached', async () => {
  const { load, ...control } = dom0({}, 'xvda');
  assert.deepEqual(await attachDevices(guestWith({ disks, vifs }), control, load), {
    got: { disk: ['xvdb'], vif: ['vif1.0', 'lan'], pci: [] },
    problem: { message: 'cannot attach xvda', hint: 'mend it' },
  });
});

test('so is a driver that this kernel has not got', async () => {
  const { deeds, load: _, ...control } = dom0();
  const load = async () => {
    throw new IntroductionError('modprobe xen-blkback: not found', 'build it');
  };
  const { problem } = await attachDevices(guestWith({ disks }), control, load);
  assert.match(problem?.message ?? '', /xen-blkback/);
  assert.deepEqual(deeds, []);
});

test('a domain without devices needs nothing', async () => {
  const { deeds, load, ...control } = dom0();
  assert.deepEqual(await attachDevices(guestWith({}), control, load), {
    got: { disk: [], vif: [], pci: [] },
  });
  assert.deepEqual(deeds, []);
});

test('devices are told to libxl in its own words', () => {
  const said = ({ json }: LibxlDevice) => JSON.parse(json) as unknown;
  const disk = { vdev: 'xvda', target: '/dev/vg/guest', access: 'w' } as const;
  const plain = { pdev_path: '/dev/vg/guest', vdev: 'xvda', backend: 'phy', format: 'raw' };
  assert.deepEqual(said(diskDevice(disk)), { ...plain, readwrite: 1 });
  const more = { access: 'r', script: 'block-iscsi', discard: false } as const;
  assert.deepEqual(said(diskDevice({ ...disk, ...more })), {
    ...plain,
    ...{ readwrite: 0, script: 'block-iscsi', discard_enable: 'False' },
  });
  assert.deepEqual(said(nicDevice({}, 2)), { devid: 2, nictype: 'vif' });
  const rate = { bytes: 25_000, microseconds: 20_000 };
  const mac = '00:16:3e:12:34:56';
  assert.deepEqual(said(nicDevice({ mac, bridge: 'xenbr0', vifname: 'lan', rate, mtu: 1400 }, 0)), {
    ...{ devid: 0, nictype: 'vif', mac, bridge: 'xenbr0', ifname: 'lan', mtu: 1400 },
    ...{ rate_bytes_per_interval: 25_000, rate_interval_usecs: 20_000 },
  });
  assert.deepEqual(said(pciDevice('0001:0a:1f.7')), {
    ...{ domain: 1, bus: 0x0a, dev: 0x1f, func: 7, seize: true },
  });
});

test('disks have the numbers that libxl gives them', () => {
  assert.deepEqual(
    ['xvda', 'xvda1', 'xvdb', 'xvdp15', 'xvdq', 'xvdz3'].map(diskNumber),
    [51712, 51713, 51728, 51967, 268439552, 268441859],
  );
});
