import { buildLabel } from '../domains/build-label.ts';
import { givenDevices, ramFault } from '../domains/rules/devices.ts';
import type { DomainDevices, DomainProperties, NumberRange } from '../domains/settings.ts';
import { ownRelease } from '../xen-releases/releases.ts';
import { attempts } from './attempts.ts';
import { featuresNotShown } from './cpu-features.ts';
import {
  checkCreation,
  creationFaults,
  deviceNotHeld,
  domidNotGiven,
  notEmpty,
  showRange,
} from './creation-checks.ts';
import { mostMemoryKiB } from './creation-outcome.ts';
import { giveUpRights } from './hardware-access.ts';
import type { DomainHoldings, Permissions } from './holdings.ts';
import type {
  ArgoPort,
  DomainCreation,
  DomainImage,
  DomainInfo,
  DomainRings,
  FlaskState,
  HardwareAccess,
  HostInfo,
  Hypervisor,
  HypervisorError,
} from './hypervisor.ts';
import { checkImage, tooLarge } from './image-checks.ts';
import { DomainLedger } from './ledger.ts';
import { MappedFile } from './mapped-files.ts';
import { merged } from './ranges.ts';
import type { Attempt } from './refusal.ts';
import { callRefused, refusalOf } from './refusal.ts';
import { simulatedHoldings } from './simulated-holdings.ts';
import { givenRights, NO_RIGHTS, SimulatedRights } from './simulated-rights.ts';
import { bootDomidOf, hardwareDomidOf } from './xen-command-line.ts';

/** Domids from here on have other meanings (xen/xen.h). */
const { DOMID_FIRST_RESERVED } = ownRelease.layout.constants;
/** First SID after Xen's initial ones. */
const FIRST_SID = 11;

export interface SimulatedXen {
  /** `boot-domain` for a Xen with our series, `hardware_dom=<domid>` for a stock one; as on Xen's command line. */
  commandLine: string;
  totalMemoryKiB: number;
  bootDomainMemoryKiB: number;
  flask: FlaskState;
  /** Contexts that the policy defines; the first is the one the boot domain holds. */
  labels: string[];
  hvm: boolean;
  iommu: boolean;
  dmaConfined: boolean;
  /** Numbers of the CPUs that are online. */
  cpus: readonly number[];
  /** I/O ports that Xen keeps for itself. */
  keptPorts: readonly NumberRange[];
  /** Page frames of RAM. */
  ram: readonly NumberRange[];
  /** Whether it has the questions of our series about what domains have. */
  tellsHoldings: boolean;
  /** Whether the policy lets the boot domain give what it does not have itself. */
  delegates: boolean;
  /** CPU features that the machine has and domains may see. */
  cpuFeatures: string[];
  version: string;
}

const DEFAULTS: SimulatedXen = {
  commandLine: 'boot-domain dom0-iommu=strict,no-map-reserved argo=1',
  totalMemoryKiB: 3072 * 1024,
  bootDomainMemoryKiB: 512 * 1024,
  flask: 'enforcing',
  labels: [
    'system_u:system_r:domB_t',
    'system_u:system_r:dom0_t',
    'system_u:system_r:vtpm_t',
    'system_u:system_r:domU_t',
    'system_u:system_r:dom0_t_building',
    'system_u:system_r:vtpm_t_building',
    'system_u:system_r:domU_t_building',
  ],
  hvm: true,
  iommu: true,
  dmaConfined: true,
  cpus: [0, 1],
  keptPorts: [{ first: 0x3f8, count: 8 }],
  // As QEMU's q35 has 3 GiB: 2 below the devices, the rest above 4 GiB.
  ram: [
    { first: 0, count: 0xa0 },
    { first: 0x100, count: 0x7_ff00 },
    { first: 0x10_0000, count: 0x4_0000 },
  ],
  tellsHoldings: true,
  delegates: false,
  cpuFeatures: ['fpu', 'tsc', 'cx8', 'sep', 'cmov', 'fxsr', 'sse', 'sse2', 'sse3', 'cx16', 'svm'],
  version: ownRelease.version,
};

type Method = Exclude<keyof Hypervisor, 'close'>;

/** A call that was made, for tests to look at. */
export interface SimulatedCall {
  method: Method;
  domid?: number;
}

/** Makes the call of `method` (for `domid`, if given) fail with `errno`. */
export interface InjectedFault {
  method: Method;
  domid?: number;
  errno: string;
}

/** The C function in the error of a call that a {@link InjectedFault} makes fail. */
const CALLS: Readonly<Record<Method, string>> = {
  host: 'xc_physinfo',
  flask: 'xc_flask_getenforce',
  loadPolicy: 'xc_flask_load',
  securityId: 'xc_flask_context_to_sid',
  domains: 'xc_domain_getinfolist',
  check: 'xc_domain_ioport_permission',
  create: 'xc_domain_create',
  reuse: 'xc_domain_sethandle',
  build: 'xc_dom_build_image',
  handOver: 'xc_map_foreign_pages',
  label: 'xc_flask_relabel_domain',
  holdings: 'xc_evtchn_status',
  unpause: 'xc_domain_unpause',
  destroy: 'xc_domain_destroy',
  endPlatform: 'xc_domain_shutdown',
  setWatchdog: 'xc_watchdog',
  restrictHardware: 'xc_domain_ioport_permission',
  moveDevices: 'xc_domain_ioport_permission',
  connect: 'xencall5',
};

interface Region {
  bytes: number;
}

/** What a domain was built from. */
export interface BuiltImage extends Omit<DomainImage, 'ramdisk'> {
  ramdisk?: readonly Uint8Array[];
}

/** A hypervisor in memory that keeps the rules of a real one and records what was asked of it. */
export class SimulatedHypervisor implements Hypervisor {
  /** All calls in order. */
  readonly calls: SimulatedCall[] = [];
  /** What domains were created with, by domid; stays when a domain is destroyed. */
  readonly creations = new Map<number, DomainCreation>();
  /** What domains were built from, by domid. */
  readonly images = new Map<number, BuiltImage>();
  /** What was handed over, by domid. */
  readonly handedOver = new Map<number, Uint8Array>();
  /** Where ports send, by `domid:port`. */
  readonly links = new Map<string, ArgoPort>();
  /** Policies that were loaded, in order. */
  readonly loadedPolicies: Uint8Array[] = [];
  /** What the watchdog is set to; 0 while it is off. Time does not pass here. */
  watchdogSeconds = 0;
  /** How the platform was ended, if it was. */
  ended: 'halt' | 'reboot' | undefined;
  /** What the boot domain may use of the machine; what is left of it when the hardware domain is created is that domain's. */
  readonly rights: SimulatedRights;
  /** What Xen says otherwise than it is, as if somebody else had been at work; {@link holdings} goes through it. */
  alter: (holdings: DomainHoldings) => DomainHoldings = (holdings) => holdings;
  /** The call to fail next; stays set until changed. */
  failAt: InjectedFault | undefined;

  readonly #xen: SimulatedXen;
  readonly #domains = new Map<number, DomainInfo>();
  readonly #ledger = new DomainLedger<Region>();
  readonly #permissions = new Map<number, Permissions>();
  readonly #rings = new Map<number, DomainRings>();
  #nextDomid = 1;
  #hardwareDomid: number;

  constructor(xen: Partial<SimulatedXen> = {}) {
    this.#xen = { ...DEFAULTS, ...xen };
    this.rights = new SimulatedRights(this.#xen.keptPorts, this.#xen.ram);
    // With the series domain 0 is the one to make, without it the boot domain is domain 0.
    this.#hardwareDomid = bootDomidOf(this.#xen.commandLine);
    this.#domains.set(this.#hardwareDomid, {
      domid: this.#hardwareDomid,
      uuid: '00000000-0000-0000-0000-000000000000',
      seclabel: this.#xen.labels[0] ?? '',
      memoryKiB: this.#xen.bootDomainMemoryKiB,
      maxMemoryKiB: this.#xen.bootDomainMemoryKiB,
      vcpus: 1,
      hardwareAssisted: false,
      paused: false,
      dying: false,
      shutdown: false,
    });
  }

  /** The domain that has the hardware: the boot domain until it has made another. */
  get hardwareDomid(): number {
    return this.#hardwareDomid;
  }

  host(): HostInfo {
    this.#record({ wanted: 'ask Xen about the host' }, 'host');
    return {
      version: this.#xen.version,
      extra: '.0-simulated',
      commandLine: this.#xen.commandLine,
      totalMemoryKiB: this.#xen.totalMemoryKiB,
      freeMemoryKiB: this.#freeMemoryKiB(),
      cpus: this.#xen.cpus,
      hvm: this.#xen.hvm,
      iommu: this.#xen.iommu,
      dmaConfined: this.#xen.dmaConfined,
      ram: this.#xen.ram,
    };
  }

  flask(): FlaskState {
    this.#record({ wanted: 'ask for the state of FLASK' }, 'flask');
    return this.#xen.flask;
  }

  loadPolicy(policy: Uint8Array): void {
    this.#record(attempts.loadPolicy, 'loadPolicy');
    // xen/xsm/flask/ss/policydb.h, POLICYDB_MAGIC.
    if (Buffer.from(policy.subarray(0, 4)).toString('hex') !== '8cff7cf9') {
      throw callRefused(attempts.loadPolicy, CALLS.loadPolicy, 'EINVAL');
    }
    this.loadedPolicies.push(Uint8Array.from(policy));
  }

  securityId(seclabel: string): number {
    this.#record(attempts.resolve(seclabel), 'securityId');
    return this.#resolve(seclabel);
  }

  domains(): DomainInfo[] {
    this.#record({ wanted: 'list the domains' }, 'domains');
    return [...this.#domains.values()]
      .sort((a, b) => a.domid - b.domid)
      .map((domain) => ({ ...domain }));
  }

  check(domain: DomainProperties): HypervisorError[] {
    this.#record(attempts.create(domain), 'check');
    return [
      ...creationFaults(domain, this.#xen),
      ...refusalOf(() => this.#buildLabel(domain.seclabel)),
      ...this.#devicesNotHeld(domain),
      ...this.#featuresNotShown(domain),
    ];
  }

  restrictHardware(access: HardwareAccess): void {
    this.#ledger.checkNoHardware();
    this.#record(attempts.restrictHardware, 'restrictHardware');
    giveUpRights(access, this.rights);
  }

  connect(from: ArgoPort, to: ArgoPort): void {
    const attempt = attempts.connect(from, to);
    this.#record(attempt, 'connect');
    this.#expect(attempt, 'connect');
    if (!this.#domains.has(to.domid)) throw callRefused(attempt, CALLS.connect, 'ESRCH');
    this.links.set(`${from.domid}:${from.port}`, to);
  }

  moveDevices(from: number, to: number, devices: DomainDevices): void {
    const attempt = attempts.moveDevices(from, to);
    this.#record(attempt, 'moveDevices');
    this.#expect(attempt, 'moveDevices');
    const hardware = from === this.#hardwareDomid;
    if (!this.#xen.delegates || !hardware || !this.rights.holdsAll(devices)) {
      throw callRefused(attempt, CALLS.moveDevices, 'EPERM');
    }
    this.rights.give(devices);
    this.#permissions.set(from, this.rights.held());
    const { ioports, iomem, irqs } = this.#permissions.get(to) ?? NO_RIGHTS;
    const given = givenRights(devices);
    this.#permissions.set(to, {
      ioports: merged([...ioports, ...given.ioports]),
      iomem: merged([...iomem, ...given.iomem]),
      irqs: merged([...irqs, ...given.irqs]),
      pci: [],
    });
  }

  create(domain: DomainCreation): void {
    const attempt = attempts.create(domain);
    this.#record(attempt, 'create');
    checkCreation(domain, this.#xen);
    const building = this.#buildLabel(domain.seclabel);
    const refuse = (errno: string) => callRefused(attempt, CALLS.create, errno);
    if (this.#domains.has(domain.domid)) throw refuse('EEXIST');
    if (!this.#givesExactly(domain.domid)) throw domidNotGiven(domain, this.#automaticDomid());
    if (!this.#canGive(domain)) throw callRefused(attempt, CALLS.check, 'EPERM');
    const [notShown] = this.#featuresNotShown(domain);
    if (notShown !== undefined) throw notShown;
    this.rights.give(domain.devices);
    this.creations.set(domain.domid, domain);
    this.#domains.set(domain.domid, {
      domid: domain.domid,
      uuid: domain.uuid,
      seclabel: building,
      memoryKiB: 0,
      maxMemoryKiB: mostMemoryKiB(domain),
      vcpus: domain.maxVcpus,
      hardwareAssisted: domain.type !== 'pv',
      paused: true,
      dying: false,
      shutdown: false,
    });
    const own = domain.hardware ? this.rights.held() : givenRights(domain.devices);
    this.#permissions.set(domain.domid, own);
    if (domain.hardware) this.#hardwareDomid = domain.domid;
    this.#ledger.created(domain);
  }

  reuse(domain: DomainCreation): void {
    this.#record(attempts.reuse(domain), 'reuse');
    const there = this.#domains.get(domain.domid);
    if (there === undefined || there.memoryKiB > 0) throw notEmpty(domain, there?.memoryKiB);
    checkCreation(domain, this.#xen);
    Object.assign(there, { uuid: domain.uuid, maxMemoryKiB: mostMemoryKiB(domain) });
    this.creations.set(domain.domid, domain);
    this.#ledger.created(domain);
  }

  async build(domain: DomainCreation, image: DomainImage): Promise<DomainRings> {
    const attempt = attempts.build(domain);
    this.#ledger.beginBuild(domain);
    this.#record(attempt, 'build');
    checkImage(domain, image);
    const free = this.#freeMemoryKiB();
    if (free < domain.memoryKiB) throw tooLarge(domain, free);
    this.#expect(attempt, 'build').memoryKiB = domain.memoryKiB;
    // Who gave them may write over them afterwards, as after a real build.
    const { ramdisk, ...rest } = image;
    const segments = ramdisk?.map((segment) =>
      Buffer.from(segment instanceof MappedFile ? segment.view() : segment),
    );
    this.images.set(domain.domid, { ...rest, ...(segments ? { ramdisk: segments } : {}) });
    const { handoverBytes } = image;
    this.#ledger.built(domain.domid, handoverBytes > 0 ? { bytes: handoverBytes } : undefined);
    const { domid, xenstore, console } = domain;
    // Any frames and ports, but other ones for each ring.
    const rings = {
      ...(xenstore ? { xenstore: { frame: 0x1000 + 2 * domid, port: 1 } } : {}),
      ...(console ? { console: { frame: 0x1001 + 2 * domid, port: 2 } } : {}),
    };
    this.#rings.set(domid, rings);
    return rings;
  }

  handOver(domid: number, bytes: Uint8Array): void {
    this.#ledger.regionFor(domid, bytes.length);
    this.#record(attempts.handOver(domid), 'handOver');
    this.handedOver.set(domid, Uint8Array.from(bytes));
  }

  label(domid: number): void {
    const attempt = attempts.label(domid);
    const seclabel = this.#ledger.labelFor(domid);
    this.#record(attempt, 'label');
    this.#resolve(seclabel);
    this.#expect(attempt, 'label').seclabel = seclabel;
    this.#ledger.labelled(domid);
  }

  holdings(domid: number): DomainHoldings {
    const attempt = attempts.readBack(domid);
    this.#record(attempt, 'holdings');
    const info = this.#expect(attempt, 'holdings');
    const boot = domid === bootDomidOf(this.#xen.commandLine);
    const creation = boot ? undefined : this.creations.get(domid);
    const permissions = boot ? this.#ownPermissions() : this.#permissions.get(domid);
    const { tellsHoldings, cpus, commandLine, iommu } = this.#xen;
    const domain = {
      ...{ info, creation, rings: this.#rings.get(domid) ?? {}, built: info.memoryKiB > 0 },
      ...{ permissions: permissions ?? NO_RIGHTS, hardwareDomid: this.#hardwareDomid },
    };
    return this.alter(simulatedHoldings(domain, { cpus, commandLine, iommu }, tellsHoldings));
  }

  unpause(domid: number): void {
    const attempt = attempts.start(domid);
    this.#ledger.checkStart(domid);
    this.#record(attempt, 'unpause');
    this.#expect(attempt, 'unpause').paused = false;
    this.#ledger.started(domid);
  }

  destroy(domid: number): void {
    const attempt = attempts.destroy(domid);
    this.#record(attempt, 'destroy');
    this.#expect(attempt, 'destroy');
    this.#domains.delete(domid);
    this.#ledger.destroyed(domid);
  }

  endPlatform(domid: number, how: 'halt' | 'reboot'): void {
    const attempt = attempts.endPlatform(domid);
    this.#record(attempt, 'endPlatform');
    this.#expect(attempt, 'endPlatform').shutdown = true;
    // The shutdown of any other domain is its own affair.
    if (domid === this.#hardwareDomid) this.ended = how;
  }

  setWatchdog(seconds: number): void {
    this.#record(attempts.setWatchdog(seconds), 'setWatchdog');
    this.watchdogSeconds = seconds;
  }

  close(): void {}

  #record(attempt: Attempt, method: Method): void {
    const { domid } = attempt;
    this.calls.push(domid === undefined ? { method } : { method, domid });
    const fault = this.failAt;
    if (fault?.method !== method) return;
    if (fault.domid !== undefined && fault.domid !== domid) return;
    throw callRefused(attempt, CALLS[method], fault.errno);
  }

  #expect(attempt: Attempt, method: Method): DomainInfo {
    const domain = attempt.domid === undefined ? undefined : this.#domains.get(attempt.domid);
    if (domain === undefined) throw callRefused(attempt, CALLS[method], 'ESRCH');
    return domain;
  }

  /** @returns the label that a domain has while it is built; none is there for one of the boot domain's type */
  #buildLabel(seclabel: string): string {
    this.#resolve(seclabel);
    const label = buildLabel(seclabel);
    this.#resolve(label, attempts.resolveForBuilding(label, seclabel));
    return label;
  }

  #resolve(seclabel: string, attempt = attempts.resolve(seclabel)): number {
    if (this.#xen.flask === 'absent') throw callRefused(attempt, CALLS.securityId, 'ENOSYS');
    const index = this.#xen.labels.indexOf(seclabel);
    if (index < 0) throw callRefused(attempt, CALLS.securityId, 'EINVAL');
    return FIRST_SID + index;
  }

  /** Whether createdomain gives this domid when it is asked for and free (xen/common/domctl.c). */
  #givesExactly(domid: number): boolean {
    if (domid === 0) return hardwareDomidOf(this.#xen.commandLine) === 0;
    return domid > 0 && domid < DOMID_FIRST_RESERVED;
  }

  #automaticDomid(): number {
    while (this.#domains.has(this.#nextDomid)) this.#nextDomid++;
    return this.#nextDomid++;
  }

  /** Xen shows no domain a feature that the machine does not have. */
  #featuresNotShown(domain: DomainProperties): HypervisorError[] {
    if (domain.type !== 'pv' && !this.#xen.hvm) return [];
    return featuresNotShown(domain, (name) => this.#xen.cpuFeatures.includes(name));
  }

  #devicesNotHeld(domain: DomainProperties): HypervisorError[] {
    const { ioports, iomem, irqs } = domain.devices;
    const none = { ioports: [], iomem: [], irqs: [] };
    const parts: [string, DomainDevices][] = [
      ...ioports.map((range): [string, DomainDevices] => [
        `the I/O ports ${showRange(range)}`,
        { ...none, ioports: [range] },
      ]),
      ...iomem
        .filter((range) => !ramFault(range, this.#xen.ram))
        .map((range): [string, DomainDevices] => [
          `the device memory in the pages ${showRange(range)}`,
          { ...none, iomem: [range] },
        ]),
      ...irqs.map((irq): [string, DomainDevices] => [`interrupt ${irq}`, { ...none, irqs: [irq] }]),
    ];
    return parts
      .filter(([, devices]) => !this.#canGive({ ...domain, devices }))
      .map(([what]) => deviceNotHeld(domain, CALLS.check, what));
  }

  /** Only who has a right can give it: the boot domain, until it has given it or made the hardware domain. */
  #canGive(domain: DomainProperties): boolean {
    if (givenDevices(domain).length === 0) return true;
    const holds = this.#hardwareDomid === bootDomidOf(this.#xen.commandLine);
    return holds && this.rights.holdsAll(domain.devices);
  }

  /** What Xen gave the boot domain, until another domain became the hardware domain and took it over. */
  #ownPermissions(): Permissions {
    const holds = this.#hardwareDomid === bootDomidOf(this.#xen.commandLine);
    return holds ? this.rights.held() : NO_RIGHTS;
  }

  #freeMemoryKiB(): number {
    let free = this.#xen.totalMemoryKiB;
    for (const { memoryKiB } of this.#domains.values()) free -= memoryKiB;
    return free;
  }
}
