import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { DomainHoldings, Permissions } from '../../../bindings/holdings.ts';
import type { SimulatedHypervisor } from '../../../bindings/simulator.ts';
import type { ReadBackItem } from '../../../measurement/events.ts';
import { assertOneEnd } from './ends.ts';
import { manifest, type Rig, type RigOptions, rig } from './support.ts';

/** With a domain of each kind that has more than memory: devices, rings, hardware virtualization. */
const rich = `${manifest}  - name: driver
    domid: 20
    type: pv
    memory: 64MiB
    kernel: vmlinux
    seclabel: system_u:system_r:domU_t
    ioports: ["300-307"]
    iomem: ["fe000,10"]
    irqs: [5]
  - name: guest
    domid: 21
    type: pvh
    memory: 64MiB
    vcpus: 2
    cpus: "1"
    kernel: vmlinux
    seclabel: system_u:system_r:domU_t
    xenstore: true
    console: true
    max_grant_frames: 4
`;
const [driver, guest, dom0, domB] = [20, 21, 0, 0x7fef];

/** Something that Xen says of one domain, and what the operator reads. */
interface Fault {
  name: string;
  domid: number;
  alter: (holdings: DomainHoldings) => Partial<DomainHoldings>;
  says: RegExp;
}

const rights =
  (change: (permissions: Permissions) => Partial<Permissions>) =>
  ({ permissions }: DomainHoldings) => {
    assert.ok(permissions);
    return { permissions: { ...permissions, ...change(permissions) } };
  };

const created =
  (change: Partial<NonNullable<DomainHoldings['creation']>>) =>
  ({ creation }: DomainHoldings) => {
    assert.ok(creation);
    return { creation: { ...creation, ...change } };
  };

const faults: Fault[] = [
  {
    name: 'a port too many',
    domid: driver,
    alter: rights(({ ioports }) => ({ ioports: [...ioports, { first: 0x378, count: 8 }] })),
    says: /driver \(domain 20\) has the I\/O ports 378-37f/,
  },
  {
    name: 'a port too few',
    domid: driver,
    alter: rights(() => ({ ioports: [{ first: 0x301, count: 7 }] })),
    says: /driver \(domain 20\) lacks the I\/O ports 300/,
  },
  {
    name: 'a page of device memory too many, of a domain that has none',
    domid: guest,
    alter: rights(() => ({ iomem: [{ first: 0xfed40, count: 5 }] })),
    says: /guest \(domain 21\) has the pages of device memory fed40-fed44/,
  },
  {
    name: 'an interrupt too many',
    domid: driver,
    alter: rights(() => ({ irqs: [{ first: 5, count: 2 }] })),
    says: /has the interrupts 6/,
  },
  {
    name: 'a PCI device',
    domid: guest,
    alter: rights(() => ({ pci: ['0000:00:05.0'] })),
    says: /guest \(domain 21\) has the PCI device 0000:00:05\.0/,
  },
  {
    name: 'what a driver domain was given, in the hardware domain as well',
    domid: dom0,
    alter: rights(() => ({ ioports: [{ first: 0, count: 0x1_0000 }] })),
    says: /dom0 \(domain 0\) has the I\/O ports 20-21, 40-43, 61, a0-a1, 300-307, 3f8-3ff, cfc-cff/,
  },
  {
    name: 'a right that the hardware domain lacks',
    domid: dom0,
    alter: rights(() => ({ irqs: [{ first: 1, count: 1 }] })),
    says: /dom0 \(domain 0\) lacks the interrupts 3-4, 6-23/,
  },
  {
    name: 'an event channel too many',
    domid: guest,
    alter: ({ eventChannels = [] }) => ({
      eventChannels: [...eventChannels, { port: 9, state: 'waiting', peer: driver }],
    }),
    says: /guest \(domain 21\) has the event channel 9, waiting for domain 20/,
  },
  {
    name: 'an event channel that somebody has joined',
    domid: guest,
    alter: ({ eventChannels = [] }) => ({
      eventChannels: eventChannels.map((channel) => ({ ...channel, state: 'joined' })),
    }),
    says: /has the event channel 1, joined to domain 0/,
  },
  {
    name: 'a grant too many',
    domid: driver,
    alter: () => ({ grants: [{ reference: 8, to: guest, readOnly: true, frame: 0x77 }] }),
    says: /driver \(domain 20\) has the grant 8 of frame 77 to domain 21, to read/,
  },
  {
    name: 'a grant too few',
    domid: guest,
    alter: ({ grants = [] }) => ({ grants: grants.slice(1) }),
    says: /guest \(domain 21\) lacks the grant 0 of frame [0-9a-f]+ to domain 0, to write/,
  },
  {
    name: 'more grant frames',
    domid: guest,
    alter: created({ grantFrames: 64 }),
    says: /guest \(domain 21\) has 64 frames of grants at most, not 4/,
  },
  {
    name: 'more ports of event channels',
    domid: guest,
    alter: created({ eventChannels: 4095 }),
    says: /has 4095 as its highest event channel port, not 1023/,
  },
  {
    name: 'the rights of a xenstore domain',
    domid: guest,
    alter: created({ xenstoreDomain: true }),
    says: /has the rights of a domain that serves xenstore/,
  },
  {
    name: 'nested virtualization',
    domid: guest,
    alter: created({ nestedHvm: true }),
    says: /has nested virtualization/,
  },
  {
    name: 'emulated devices',
    domid: guest,
    alter: created({ emulated: 0x3ff }),
    says: /has emulated devices 1023, not 1/,
  },
  {
    name: 'more memory',
    domid: driver,
    alter: ({ memoryKiB }) => ({ memoryKiB: memoryKiB + 4 }),
    says: /driver \(domain 20\) has 65540 KiB of memory, not 65536/,
  },
  {
    name: 'a higher limit of memory',
    domid: dom0,
    alter: ({ maxMemoryKiB }) => ({ maxMemoryKiB: maxMemoryKiB * 2 }),
    says: /dom0 \(domain 0\) has 1050624 KiB as the limit of its memory, not 525312/,
  },
  {
    name: 'a vcpu too many',
    domid: guest,
    alter: () => ({ vcpus: 3 }),
    says: /has 3 vcpus, not 2/,
  },
  {
    name: 'a CPU that it may not run on',
    domid: guest,
    alter: () => ({ cpus: [0, 1] }),
    says: /has CPU 0 to run on/,
  },
  {
    name: 'a wrong label',
    domid: guest,
    alter: () => ({ seclabel: 'system_u:system_r:dom0_t' }),
    says: /guest \(domain 21\) has the label system_u:system_r:dom0_t, not system_u:system_r:domU_t_building/,
  },
  {
    name: 'another UUID',
    domid: guest,
    alter: () => ({ uuid: '00000000-0000-0000-0000-000000000000' }),
    says: /has the UUID 00000000-/,
  },
  {
    name: 'a domain that runs already',
    domid: guest,
    alter: () => ({ paused: false }),
    says: /guest \(domain 21\) is not paused/,
  },
  {
    name: 'rights that the boot domain has kept',
    domid: domB,
    alter: rights(() => ({
      iomem: [{ first: 0xfed40, count: 5 }],
      irqs: [{ first: 8, count: 1 }],
    })),
    says: /the boot domain still has the pages of device memory fed40-fed44[\s\S]*still has the interrupts 8/,
  },
  {
    name: 'an event channel that the boot domain has kept',
    domid: domB,
    alter: () => ({ eventChannels: [{ port: 4, state: 'joined', peer: guest }] }),
    says: /the boot domain still has the event channel 4 to domain 21/,
  },
];

describe('what a domain has and should not have, or lacks, ends the boot', () => {
  for (const { name, domid, alter, says } of faults) {
    test(name, async (t) => {
      const boot = await readBackRig(t);
      alterBuilt(boot.hypervisor, domid, alter);
      await boot.run();
      assertRefused(boot, says);
    });
  }

  test('several at once are told together', async (t) => {
    const boot = await readBackRig(t);
    boot.hypervisor.alter = (holdings) =>
      boot.hypervisor.images.size === 4 ? { ...holdings, vcpus: 7 } : holdings;
    await boot.run();
    assert.match(boot.console(), /phase "read back" failed with 4 problems/);
  });
});

test('a hardware domain with rights over RAM, which Xen gave domB as well, ends the boot', async (t) => {
  const boot = await readBackRig(t);
  const page = { first: 0x200, count: 1 };
  boot.hypervisor.alter = (holdings) => {
    const { domid, permissions } = holdings;
    const own = domid === domB && boot.hypervisor.images.size === 0;
    if (permissions === undefined || !(own || domid === dom0)) return holdings;
    return { ...holdings, permissions: { ...permissions, iomem: [page, ...permissions.iomem] } };
  };
  await boot.run();
  assertRefused(boot, /dom0 \(domain 0\) has rights over RAM: the pages 200/);
});

test('a domain that nobody asked for, and one that is gone, end the boot', async (t) => {
  const boot = await readBackRig(t);
  const domains = boot.hypervisor.domains.bind(boot.hypervisor);
  boot.hypervisor.domains = () => {
    const there = domains();
    const last = there.at(-1);
    if (boot.hypervisor.images.size < 4 || last === undefined) return there;
    return [...there.filter(({ domid }) => domid !== guest), { ...last, domid: 99 }];
  };
  await boot.run();
  const text = boot.console();
  assert.match(text, /step "list domains" failed: there is a domain 99 \(system_u/);
  assert.match(text, /step "list domains" failed: domain 21 is not there any more/);
  assert.equal(boot.machine.deeds.includes('release TPM'), false);
});

test('what was read back is measured, before the caps', async (t) => {
  const boot = await readBackRig(t);
  await boot.run();
  assert.equal(await assertOneEnd(boot), 'good', boot.console());
  const items = readBackItems(boot);
  assert.deepEqual(
    items.map(({ domain, domid, unread }) => [domain, domid, unread]),
    [
      ['vtpm', 0x7fe0, []],
      ['driver', driver, []],
      ['guest', guest, []],
      ['dom0', dom0, []],
      [undefined, domB, []],
    ],
  );
  const has = (name: string | undefined) =>
    items.find(({ domain }) => domain === name)?.has as Record<string, unknown>;
  assert.deepEqual(
    [has('driver').ioports, has('driver').iomem, has('driver').irqs],
    [['300-307'], ['fe000-fe00f'], ['5']],
  );
  assert.deepEqual(has('guest').cpus, [1]);
  assert.deepEqual(has('guest').eventChannels, [
    { port: 1, state: 'waiting', peer: 0 },
    { port: 2, state: 'waiting', peer: 0 },
  ]);
  assert.deepEqual([has(undefined).ioports, has(undefined).iomem], [[], []]);
  const dom0Ports = has('dom0').ioports as string[];
  assert.ok(dom0Ports.includes('a2-2ff') && dom0Ports.includes('308-3f7'), dom0Ports.join());
});

test('what boot scripts gave and took is what is expected', async (t) => {
  const script = `export default async (boot) => {
    await boot.configure('driver', { ioports: ['310'] });
    await boot.restrictHardware({ irqs: { only: [1] }, iomem: { without: ['c0000,100'] } });
  };`;
  const boot = await readBackRig(t, {
    manifest: `${rich}scripts: [{ name: first, run: first.ts, at: before_planning }]\n`,
    files: { '/images/first.ts': script },
  });
  await boot.run();
  assert.equal(await assertOneEnd(boot), 'good', boot.console());
  const [item] = readBackItems(boot).filter(({ domain }) => domain === 'driver');
  assert.deepEqual(item?.has && Reflect.get(item.has, 'ioports'), ['310']);
});

test('what a boot script gave after dom0 had it is what is expected, of both', async (t) => {
  const script = `export default async (boot) => {
    await boot.giveDevices('driver', { ioports: ['310'], iomem: ['c0000,2'] });
    await boot.giveDevices('driver', { ioports: ['312-313'], irqs: [7] });
  };`;
  const boot = await readBackRig(t, {
    manifest: `${rich}scripts: [{ name: late, run: late.ts, at: after_create }]\n`,
    files: { '/images/late.ts': script },
    xen: { delegates: true },
  });
  await boot.run();
  assert.equal(await assertOneEnd(boot), 'good', boot.console());
  const [item] = readBackItems(boot).filter(({ domain }) => domain === 'driver');
  const has = item?.has ?? {};
  assert.deepEqual(
    ['ioports', 'iomem', 'irqs'].map((kind) => Reflect.get(has, kind)),
    [
      ['300-307', '310', '312-313'],
      ['c0000-c0001', 'fe000-fe00f'],
      ['5', '7'],
    ],
  );
});

test('a domain that the boot does without is not read back', async (t) => {
  const boot = await readBackRig(t, {
    manifest: rich.replace('name: driver\n', 'name: driver\n    critical: false\n'),
  });
  boot.hypervisor.failAt = { method: 'build', domid: driver, errno: 'ENOMEM' };
  await boot.run();
  assert.match(boot.console(), /read back driver: abandoned/);
  assert.equal(boot.early.failure, undefined, boot.console());
  assert.ok(!readBackItems(boot).some(({ domain }) => domain === 'driver'));
});

test('a Xen that cannot be asked: the log and the measured event say what was not read', async (t) => {
  const boot = await readBackRig(t, { xen: { tellsHoldings: false } });
  alterBuilt(boot.hypervisor, guest, () => ({}));
  await boot.run();
  assert.equal(await assertOneEnd(boot), 'good', boot.console());
  assert.match(boot.console(), /this Xen can't be asked what domains may use of the machine/);
  const left = ['eventChannels', 'ioports', 'iomem', 'irqs', 'pci', 'creation'];
  for (const { unread } of readBackItems(boot)) assert.deepEqual(unread, left);
  const handedOver = Buffer.from(boot.hypervisor.handedOver.get(dom0) ?? []).toString('latin1');
  const record = JSON.parse(/\{\n {2}"version": 1,[\s\S]*?\n\}\n/.exec(handedOver)?.[0] ?? '{}');
  assert.deepEqual(record.unread, left);
  // What it can be asked is compared all the same.
  const other = await readBackRig(t, { xen: { tellsHoldings: false } });
  alterBuilt(other.hypervisor, guest, () => ({ seclabel: 'system_u:system_r:dom0_t' }));
  await other.run();
  assertRefused(other, /has the label system_u:system_r:dom0_t/);
});

test('a label that is not what it should have become ends the boot before anybody runs', async (t) => {
  const boot = await readBackRig(t);
  const domains = boot.hypervisor.domains.bind(boot.hypervisor);
  boot.hypervisor.domains = () =>
    domains().map((domain) =>
      domain.domid === guest && domain.seclabel === 'system_u:system_r:domU_t'
        ? { ...domain, seclabel: 'system_u:system_r:dom0_t' }
        : domain,
    );
  await boot.run();
  assert.match(
    boot.console(),
    /step "look again" failed: guest \(domain 21\) has the label system_u:system_r:dom0_t/,
  );
  assert.ok(boot.hypervisor.calls.every(({ method }) => method !== 'unpause'));
  assert.equal(boot.hypervisor.ended, 'halt');
});

const readBackRig = (t: Parameters<typeof rig>[0], options: RigOptions = {}) =>
  rig(t, { manifest: rich, ...options });

/** Alters what is said of a domain once all are built; before that the boot domain is asked for what it can give. */
function alterBuilt(hypervisor: SimulatedHypervisor, domid: number, alter: Fault['alter']): void {
  hypervisor.alter = (holdings) =>
    holdings.domid === domid && hypervisor.images.size === 4
      ? { ...holdings, ...alter(holdings) }
      : holdings;
}

function assertRefused(boot: Rig, says: RegExp): void {
  const text = boot.console();
  assert.match(text, /phase "read back"/);
  assert.match(text, says);
  assert.match(text, /what to do: \S/);
  // Nothing ran, and no good value is in the register.
  assert.ok(boot.hypervisor.calls.every(({ method }) => method !== 'unpause'));
  assert.match(text, /PCR 13 is capped with an error event/);
  assert.equal(boot.hypervisor.ended, 'halt');
}

function readBackItems({ state }: Rig): ReadBackItem[] {
  return state.bootMeasurements.events.flatMap(({ item }) =>
    item !== 'cap' && item.event === 'read-back' ? [item] : [],
  );
}
