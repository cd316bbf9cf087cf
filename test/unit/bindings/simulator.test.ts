import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DomainCreation, DomainImage } from '../../../bindings/hypervisor.ts';
import { HypervisorError } from '../../../bindings/hypervisor.ts';
import type { InjectedFault, SimulatedXen } from '../../../bindings/simulator.ts';
import { SimulatedHypervisor } from '../../../bindings/simulator.ts';
import type { DomainLimits } from '../../../domains/settings.ts';

const UUID = '6a4f3c3e-0d5b-4c09-9a5e-2f6d0b7a1c11';
const BOOT_DOMID = 0x7fef;

const unlimited: DomainLimits = {
  grantFrames: 'default',
  maptrackFrames: 'default',
  eventChannels: 'default',
};

function guest(changes: Partial<DomainCreation> = {}): DomainCreation {
  return {
    name: 'guest',
    domid: 7,
    type: 'pv',
    uuid: UUID,
    seclabel: 'system_u:system_r:domU_t',
    memoryKiB: 128 * 1024,
    maxMemoryKiB: changes.memoryKiB ?? 128 * 1024,
    vcpus: 1,
    maxVcpus: changes.vcpus ?? 1,
    cpuid: [],
    nestedHvm: false,
    msrRelaxed: false,
    cpus: 'all',
    limits: unlimited,
    devices: { ioports: [], iomem: [], irqs: [] },
    iommu: false,
    xenstore: false,
    console: false,
    hardware: false,
    ...changes,
  };
}

/** Of those that Xen keeps for its own console. */
const KEPT_PORT = { first: 0x3fe, count: 1 };
const port = { ioports: [{ first: 0x300, count: 8 }], iomem: [], irqs: [] };

function dom0(changes: Partial<DomainCreation> = {}): DomainCreation {
  return guest({
    name: 'dom0',
    domid: 0,
    seclabel: 'system_u:system_r:dom0_t',
    hardware: true,
    ...changes,
  });
}

function image(changes: Partial<DomainImage> = {}): DomainImage {
  return { kernel: Buffer.from('\x7fELF...'), cmdline: 'quiet', handoverBytes: 0, ...changes };
}

function stock(hardwareDomid: number): Partial<SimulatedXen> {
  return { commandLine: `console=com1 hardware_dom=${hardwareDomid}` };
}

function refusal(action: () => void): HypervisorError {
  try {
    action();
  } catch (error) {
    assert(error instanceof HypervisorError, String(error));
    assert.notEqual(error.hint, '');
    return error;
  }
  return assert.fail('it should have been refused');
}

async function slowRefusal(promise: Promise<unknown>): Promise<HypervisorError> {
  const error = await promise.then(
    () => assert.fail('it should have been refused'),
    (reason: unknown) => reason,
  );
  return refusal(() => {
    throw error;
  });
}

test('with the boot-domain series the boot domain has its reserved domid and domain 0 is free', async () => {
  const xen = new SimulatedHypervisor();
  assert.deepEqual(
    xen.domains().map(({ domid }) => domid),
    [BOOT_DOMID],
  );
  assert.equal(xen.hardwareDomid, BOOT_DOMID);
  xen.create(dom0());
  assert.equal(xen.hardwareDomid, 0);
  const [first, second] = xen.domains();
  assert.deepEqual([first?.domid, second?.domid], [0, BOOT_DOMID]);
  assert.equal(first?.paused, true);
  assert.equal(first?.seclabel, 'system_u:system_r:dom0_t_building');
  assert.equal(first?.memoryKiB, 0);
});

test('on a stock Xen domain 0 is the boot domain, and hardware_dom names the hardware domain', () => {
  const xen = new SimulatedHypervisor(stock(5));
  assert.equal(xen.domains()[0]?.domid, 0);
  const zero = refusal(() => xen.create(dom0()));
  assert.match(zero.message, /names domain 5, and domain 0 is domB itself/);
  xen.create(dom0({ domid: 5 }));
  assert.equal(xen.hardwareDomid, 5);
  assert.equal(refusal(() => xen.create(guest({ domid: 5 }))).call, 'create');
});

test('the hardware domain is the one that Xen was told, no other', () => {
  const without = new SimulatedHypervisor({ commandLine: 'console=com1' });
  assert.match(
    refusal(() => without.create(dom0({ domid: 5 }))).message,
    /command line names none/,
  );
  const xen = new SimulatedHypervisor();
  assert.match(
    refusal(() => xen.create(dom0({ domid: 5 }))).hint,
    /set its domid to 0 in the manifest/,
  );
  assert.match(
    refusal(() => xen.create(guest({ domid: 0 }))).message,
    /Xen would make it the hardware domain, which it is not meant to be/,
  );
  assert.equal(xen.domains().length, 1);
});

test('a domid is given once, and reserved ones never', () => {
  const xen = new SimulatedHypervisor();
  xen.create(guest());
  const taken = refusal(() => xen.create(guest({ name: 'other' })));
  assert.equal(taken.message, 'cannot create domain 7 ("other"): xc_domain_create: EEXIST');
  assert.deepEqual([taken.errno, taken.domid], ['EEXIST', 7]);
  assert.equal(refusal(() => xen.create(guest({ domid: BOOT_DOMID }))).errno, 'EEXIST');
  const reserved = refusal(() => xen.create(guest({ domid: 0x7ff0 })));
  assert.match(reserved.message, /this Xen cannot give that domid \(it gave 1\)/);
  assert.equal(xen.domains().length, 2);
});

test('an unknown label is refused as Xen refuses it, and without FLASK every one', () => {
  const xen = new SimulatedHypervisor();
  const seclabel = 'system_u:system_r:nosuch_t';
  const expected = `cannot resolve the label ${seclabel}: xc_flask_context_to_sid: EINVAL`;
  assert.equal(refusal(() => xen.securityId(seclabel)).message, expected);
  assert.equal(refusal(() => xen.create(guest({ seclabel }))).message, expected);
  assert.equal(xen.domains().length, 1);
  const absent = new SimulatedHypervisor({ flask: 'absent' });
  assert.equal(absent.flask(), 'absent');
  assert.equal(refusal(() => absent.create(guest())).errno, 'ENOSYS');
});

test("no second domain gets the boot domain's own label", () => {
  const xen = new SimulatedHypervisor();
  const error = refusal(() => xen.create(guest({ seclabel: 'system_u:system_r:domB_t' })));
  assert.equal(error.errno, 'EINVAL');
  assert.match(error.message, /the label system_u:system_r:domB_t_building, under which/);
  assert.match(error.hint, /a label that the boot domain may build/);
});

test('rings are for guests of domain 0, and a console for those that have xenstore', async () => {
  const xen = new SimulatedHypervisor();
  const served = guest({ xenstore: true, console: true });
  xen.create(dom0());
  xen.create(served);
  const { xenstore, console } = await xen.build(served, image());
  assert.ok(xenstore && console && xenstore.frame !== console.frame);
  assert.notEqual(xenstore.port, console.port);
  const refused = (xen: SimulatedHypervisor, domain: DomainCreation) =>
    refusal(() => xen.create(domain)).message;
  const other = new SimulatedHypervisor();
  assert.match(refused(other, dom0({ xenstore: true })), /serves xenstore and consoles itself/);
  assert.match(refused(other, guest({ console: true })), /found through xenstore/);
  const late = new SimulatedHypervisor(stock(5));
  assert.match(
    refused(late, guest({ xenstore: true })),
    /a hardware domain that is domain 5 can't introduce others/,
  );
});

test('devices that do DMA are for PV guests, where an IOMMU confines them', () => {
  const without = new SimulatedHypervisor({ iommu: false });
  const { message } = refusal(() => without.create(guest({ iommu: true, xenstore: true })));
  assert.match(message, /this Xen uses no IOMMU/);
  const xen = new SimulatedHypervisor();
  assert.equal(refusal(() => xen.create(guest({ iommu: true, type: 'pvh' }))).errno, 'EINVAL');
  assert.equal(refusal(() => xen.create(dom0({ iommu: true }))).errno, 'EINVAL');
  xen.create(guest({ iommu: true, xenstore: true }));
  assert.equal(xen.creations.get(7)?.iommu, true);
});

test('properties that do not go together are refused before Xen is asked', () => {
  const xen = new SimulatedHypervisor();
  const refused: [Partial<DomainCreation>, RegExp][] = [
    [{ memoryKiB: 0 }, /0 KiB are no memory size/],
    [{ memoryKiB: 4097 }, /4097 KiB/],
    [{ memoryKiB: Number.NaN }, /NaN KiB/],
    [{ vcpus: 0 }, /0 is no number of vCPUs/],
    [{ type: 'pvh', vcpus: 128 }, /domain of type pvh can have at most 127 vcpus/],
    [{ type: 'hvm', maxVcpus: 128 }, /domain of type hvm can have at most 127 vcpus/],
    [{ vcpus: 2, maxVcpus: 1 }, /1 is less than the 2 vcpus/],
    [{ type: 'pv', nestedHvm: true }, /a pv domain does not use the virtualization/],
    [{ cpuid: [{ name: 'sse5', value: false }] }, /Xen knows no CPU feature sse5/],
    [{ maxMemoryKiB: 64 * 1024 }, /64MiB is less than the 128MiB/],
    [{ maxMemoryKiB: 128 * 1024 + 1 }, /131073 KiB are no maximum/],
    [{ type: 'pvh', maxMemoryKiB: 256 * 1024 }, /domain of type pvh cannot grow/],
    [{ type: 'hvm', maxMemoryKiB: 256 * 1024 }, /domain of type hvm cannot grow/],
    [{ cpus: [] }, /no CPU to run on/],
    [{ cpus: [1, 2] }, /there is no CPU 2/],
    [{ cpus: [-1] }, /there is no CPU -1/],
    [{ limits: { ...unlimited, grantFrames: 65 } }, /at most 64 grant frames, and it wants 65/],
    [{ limits: { ...unlimited, grantFrames: 0 } }, /0 are no grant frames/],
    [
      { limits: { ...unlimited, maptrackFrames: 1025 } },
      /at most 1024 maptrack frames, and it wants 1025/,
    ],
    [
      { limits: { ...unlimited, eventChannels: 131072 } },
      /131072 is no highest event channel port/,
    ],
    [{ type: 'pvh', devices: port }, /domain of type pvh can't be given ioports/],
    [{ type: 'hvm', devices: port }, /domain of type hvm can't be given ioports/],
    [{ domid: -1 }, /-1 is no domid/],
    [{ domid: 0x10007 }, /65543 is no domid/],
    [{ domid: 1.5 }, /1\.5 is no domid/],
    [{ uuid: 'not-a-uuid' }, /not-a-uuid is no UUID/],
  ];
  for (const [changes, message] of refused) {
    assert.match(refusal(() => xen.create(guest(changes))).message, message);
  }
  assert.match(
    refusal(() => xen.create(dom0({ type: 'pvh' }))).message,
    /hardware domain .* must be pv/,
  );
  assert.match(
    refusal(() => xen.create(dom0({ devices: port }))).message,
    /has everything that no other domain is given/,
  );
  const cpuid = [{ name: 'sse3', value: false }];
  assert.match(refusal(() => xen.create(dom0({ cpuid }))).message, /sees the CPU as Xen shows it/);
});

test('grant limits are those of the running Xen', () => {
  const commandLine = 'boot-domain gnttab_max_frames=32 gnttab_max_frames=128';
  const xen = new SimulatedHypervisor({ commandLine });
  xen.create(guest({ limits: { grantFrames: 128, maptrackFrames: 0, eventChannels: 1 } }));
  const error = refusal(() =>
    xen.create(guest({ domid: 8, limits: { ...unlimited, grantFrames: 129 } })),
  );
  assert.match(error.hint, /ask for less, or raise gnttab_max_frames=/);
});

test('a device has one holder, and the boot domain gives none after the hardware domain exists', () => {
  const xen = new SimulatedHypervisor();
  xen.create(guest({ devices: port }));
  const ports = [{ first: 0x2ff, count: 2 }];
  const twice = () => xen.create(guest({ domid: 8, devices: { ...port, ioports: ports } }));
  assert.equal(refusal(twice).errno, 'EPERM');
  xen.create(guest({ domid: 8, devices: { ioports: [], iomem: [], irqs: [5] } }));
  xen.create(dom0());
  const late = () =>
    xen.create(guest({ domid: 9, devices: { ioports: [], iomem: [], irqs: [6] } }));
  assert.equal(refusal(late).errno, 'EPERM');
});

test('a check tells everything for which creating would be refused, and creates nothing', () => {
  const xen = new SimulatedHypervisor({ cpus: [1], hvm: false });
  const irqs = { ioports: [], iomem: [], irqs: [5] };
  const wishes: [Partial<DomainCreation>, RegExp[]][] = [
    [{ cpus: [0] }, [/there is no CPU 0/]],
    [{ limits: { ...unlimited, grantFrames: 65 } }, [/64 grant frames, and it wants 65/]],
    [{ type: 'pvh', cpuid: [{ name: 'avx', value: true }] }, [/no hardware virtualization/]],
    [{ seclabel: 'system_u:system_r:nosuch_t' }, [/EINVAL/]],
    [
      { devices: { ...irqs, ioports: [{ first: 0x3ff, count: 1 }, ...port.ioports] } },
      [/ports 3ff$/],
    ],
    [
      { devices: { ...port, iomem: [{ first: 0xff, count: 2 }] } },
      [/iomem ff-100: these pages are RAM/],
    ],
    [
      { devices: { ...port, iomem: [{ first: 0xf_ffff, count: 2 }] } },
      [/iomem fffff-100000: these pages are RAM/],
    ],
    [{ devices: { ...port, iomem: [{ first: 0xfed45, count: 1 }] } }, [/registers of the TPM/]],
    [{ domid: 0 }, [/hardware domain/]],
    [
      {
        cpus: [0, 1, 7],
        limits: { grantFrames: 65, maptrackFrames: 9999, eventChannels: 0 },
        seclabel: 'system_u:system_r:nosuch_t',
        devices: { ...irqs, ioports: [{ first: 0x3f8, count: 1 }, ...port.ioports, KEPT_PORT] },
        cpuid: [
          { name: 'avx', value: true },
          { name: 'sse', value: true },
          { name: 'avx2', value: true },
          { name: 'nosuch', value: true },
        ],
        memoryKiB: 3,
      },
      [
        /3 KiB are no memory size/,
        /3 KiB are no maximum/,
        /0 is no highest event channel port/,
        /3KiB is less than 16MiB/,
        /there is no CPU 0, 7/,
        /64 grant frames, and it wants 65/,
        /1024 maptrack frames, and it wants 9999/,
        /no CPU feature nosuch/,
        /label system_u:system_r:nosuch_t/,
        /ports 3f8$/,
        /ports 3fe$/,
        /the CPU feature avx:/,
        /the CPU feature avx2:/,
      ],
    ],
  ];
  for (const [changes, messages] of wishes) {
    const faults = xen.check(guest(changes));
    const said = faults.map(({ message }) => message).join('\n');
    assert.equal(faults.length, messages.length, said);
    for (const [index, message] of messages.entries()) {
      assert.match(faults[index]?.message ?? '', message);
      assert.notEqual(faults[index]?.hint, '');
    }
    refusal(() => xen.create(guest(changes)));
  }
  assert.deepEqual(xen.check(guest({ cpus: [1], devices: { ...port, irqs: [5] } })), []);
  assert.equal(xen.domains().length, 1);
  xen.create(guest({ devices: port }));
  assert.match(xen.check(guest({ devices: port }))[0]?.message ?? '', /ports 300-307/);
});

test('what a domain may have at most is what Xen reports', () => {
  const xen = new SimulatedHypervisor();
  xen.create(guest({ maxMemoryKiB: 256 * 1024 }));
  assert.equal(xen.domains().find(({ domid }) => domid === 7)?.maxMemoryKiB, 257 * 1024);
});

test('PVH and HVM need hardware virtualisation', () => {
  const xen = new SimulatedHypervisor({ hvm: false });
  assert.equal(refusal(() => xen.create(guest({ type: 'pvh' }))).errno, 'EINVAL');
  assert.equal(refusal(() => xen.create(guest({ type: 'hvm' }))).errno, 'EINVAL');
});

test('a domain can be shown only CPU features that the machine has', () => {
  const xen = new SimulatedHypervisor({ cpuFeatures: ['sse2'] });
  xen.create(guest({ cpuid: [{ name: 'sse2', value: true }] }));
  xen.create(guest({ domid: 8, cpuid: [{ name: 'avx', value: false }] }));
  xen.create(guest({ domid: 9, cpuid: [{ name: 'avx', value: 'host' }] }));
  const error = refusal(() =>
    xen.create(guest({ domid: 10, cpuid: [{ name: 'avx', value: true }] })),
  );
  assert.match(error.message, /cannot have the CPU feature avx: the machine lacks it/);
  assert.match(error.hint, /leave this feature out of cpuid/);
  const nested = () => xen.create(guest({ domid: 11, type: 'hvm', nestedHvm: true }));
  assert.match(refusal(nested).message, /hardware virtualization that nestedhvm asks for/);
  assert.equal(xen.domains().length, 4);
});

test('Xen has as many vCPUs for a domain as it can have at most', () => {
  const xen = new SimulatedHypervisor();
  xen.create(guest({ type: 'pvh', vcpus: 1, maxVcpus: 4 }));
  assert.equal(xen.domains().find(({ domid }) => domid === 7)?.vcpus, 4);
});

test('an empty domain becomes another one, one with memory does not', async () => {
  const xen = new SimulatedHypervisor();
  const rescue = dom0({
    name: 'rescue',
    uuid: UUID.replace('6a', '7b'),
    memoryKiB: 64 * 1024,
    cpus: [1],
  });
  assert.match(
    refusal(() => xen.reuse(rescue)).message,
    /domain 0 for "rescue": it does not exist/,
  );
  xen.create(dom0({ cpus: [0] }));
  assert.match(refusal(() => xen.reuse({ ...rescue, cpus: [2] })).message, /no CPU 2/);
  // A build that fails before it takes memory leaves the domain empty.
  await slowRefusal(xen.build(dom0(), image({ kernel: Buffer.from('MZ') })));
  xen.reuse(rescue);
  const found = xen.domains().find(({ domid }) => domid === 0);
  assert.deepEqual([found?.uuid, found?.maxMemoryKiB], [rescue.uuid, 65 * 1024]);
  assert.deepEqual(xen.creations.get(0), rescue);
  await xen.build(rescue, image());
  assert.match(refusal(() => xen.reuse(dom0())).message, /it has 65536 KiB already/);
});

test('memory is taken when a domain is built, and freed when it is destroyed', async () => {
  const xen = new SimulatedHypervisor({
    totalMemoryKiB: 1024 * 1024,
    bootDomainMemoryKiB: 512 * 1024,
  });
  const large = guest({ domid: 8, memoryKiB: 500 * 1024 });
  xen.create(guest());
  xen.create(large);
  await xen.build(guest(), image());
  const error = await slowRefusal(xen.build(large, image()));
  assert.equal(error.errno, 'ENOMEM');
  assert.match(error.message, /it takes 512000 KiB, 393216 KiB are free/);
  xen.destroy(7);
  assert.equal(xen.host().freeMemoryKiB, 512 * 1024);
  assert.equal(refusal(() => xen.destroy(7)).errno, 'ESRCH');
});

test('the order is create, build once, hand over, label, start', async () => {
  const xen = new SimulatedHypervisor();
  assert.match((await slowRefusal(xen.build(guest(), image()))).message, /not created here/);
  xen.create(guest());
  assert.match(refusal(() => xen.unpause(7)).message, /not built yet/);
  assert.match(refusal(() => xen.handOver(7, new Uint8Array(1))).message, /not built yet/);
  await xen.build(guest(), image({ handoverBytes: 4096 }));
  assert.match((await slowRefusal(xen.build(guest(), image()))).message, /built already/);
  xen.handOver(7, Uint8Array.of(1, 2));
  assert.deepEqual(xen.handedOver.get(7), Uint8Array.of(1, 2));
  assert.match(refusal(() => xen.unpause(7)).message, /has not got its label/);
  const label = () => xen.domains().find(({ domid }) => domid === 7)?.seclabel;
  assert.equal(label(), 'system_u:system_r:domU_t_building');
  xen.label(7);
  assert.equal(label(), 'system_u:system_r:domU_t');
  assert.match(refusal(() => xen.label(7)).message, /has its label already/);
  assert.match(refusal(() => xen.handOver(7, new Uint8Array(1))).message, /has its label already/);
  xen.unpause(7);
  assert.equal(xen.domains().find(({ domid }) => domid === 7)?.paused, false);
  assert.match(refusal(() => xen.handOver(7, new Uint8Array(1))).message, /runs already/);
  assert.match(refusal(() => xen.unpause(7)).message, /runs already/);
});

test('no more is handed over than was reserved', async () => {
  const xen = new SimulatedHypervisor();
  xen.create(guest());
  xen.create(guest({ domid: 8 }));
  await xen.build(guest(), image({ handoverBytes: 4096 }));
  await xen.build(guest({ domid: 8 }), image());
  const error = refusal(() => xen.handOver(7, new Uint8Array(4097)));
  assert.equal(error.errno, 'ENOSPC');
  assert.match(error.message, /4097 bytes do not fit into the 4096 reserved/);
  assert.equal(refusal(() => xen.handOver(8, new Uint8Array(1))).errno, 'ENOSPC');
  xen.handOver(7, new Uint8Array(4096));
});

test('images that would not boot as measured are refused', async () => {
  const refused: [Partial<DomainImage>, Partial<DomainCreation>, string][] = [
    [{ kernel: Buffer.from('MZ') }, {}, 'ENOEXEC'],
    [{ kernel: new Uint8Array() }, {}, 'ENOEXEC'],
    [{ cmdline: 'x'.repeat(1024) }, {}, 'E2BIG'],
    [{ cmdline: 'ä'.repeat(512) }, {}, 'E2BIG'],
    [{ cmdline: 'x'.repeat(2048) }, { type: 'pvh' }, 'E2BIG'],
    [{ cmdline: 'a\0b' }, {}, 'E2BIG'],
    [{ handoverBytes: 100 }, {}, 'EINVAL'],
    [{ handoverBytes: -4096 }, {}, 'EINVAL'],
  ];
  for (const [changes, properties, errno] of refused) {
    const xen = new SimulatedHypervisor();
    xen.create(guest(properties));
    assert.equal((await slowRefusal(xen.build(guest(properties), image(changes)))).errno, errno);
  }
  const xen = new SimulatedHypervisor();
  const pvh = guest({ type: 'pvh' });
  xen.create(pvh);
  await xen.build(pvh, image({ cmdline: 'x'.repeat(2047) }));
});

test('ending the platform goes through the hardware domain', () => {
  const xen = new SimulatedHypervisor();
  xen.create(guest());
  xen.create(dom0());
  xen.endPlatform(7, 'halt');
  assert.equal(xen.ended, undefined);
  xen.endPlatform(0, 'reboot');
  assert.equal(xen.ended, 'reboot');
  assert.equal(refusal(() => xen.endPlatform(4, 'halt')).errno, 'ESRCH');
});

test('any call can be made to fail, for one domain or all', async () => {
  const fault: InjectedFault = { method: 'create', domid: 8, errno: 'EPERM' };
  const xen = new SimulatedHypervisor();
  xen.failAt = fault;
  xen.create(guest());
  const error = refusal(() => xen.create(guest({ domid: 8 })));
  assert.deepEqual([error.errno, error.domid], ['EPERM', 8]);
  assert.match(error.hint, /avc: denied/);
  xen.failAt = { method: 'build', errno: 'EIO' };
  assert.equal((await slowRefusal(xen.build(guest(), image()))).errno, 'EIO');
  xen.failAt = { method: 'host', errno: 'EACCES' };
  assert.equal(refusal(() => xen.host()).call, 'xc_physinfo');
});

test('the watchdog is set and stopped', () => {
  const xen = new SimulatedHypervisor();
  xen.setWatchdog(30);
  assert.equal(xen.watchdogSeconds, 30);
  xen.setWatchdog(0);
  assert.equal(xen.watchdogSeconds, 0);
  xen.failAt = { method: 'setWatchdog', errno: 'EEXIST' };
  assert.match(refusal(() => xen.setWatchdog(5)).message, /set the watchdog to 5 seconds/);
});

test('calls are recorded in order', async () => {
  const xen = new SimulatedHypervisor();
  xen.host();
  xen.create(guest());
  await xen.build(guest(), image());
  xen.label(7);
  xen.unpause(7);
  assert.deepEqual(xen.calls, [
    { method: 'host' },
    { method: 'create', domid: 7 },
    { method: 'build', domid: 7 },
    { method: 'label', domid: 7 },
    { method: 'unpause', domid: 7 },
  ]);
});
