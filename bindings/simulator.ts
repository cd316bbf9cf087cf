import { attempts } from './attempts.ts';
import { cpuFeatureNotGiven, nestingNotGiven } from './cpu-features.ts';
import {
  bootDomidOf,
  checkCreation,
  checkProperties,
  deviceNotHeld,
  domidNotGiven,
  hardwareDomidOf,
  hasDevices,
  notEmpty,
  showRange,
} from './creation-checks.ts';
import { giveUpRights } from './hardware-access.ts';
import type {
  DomainCreation,
  DomainImage,
  DomainInfo,
  DomainProperties,
  DomainRings,
  FlaskState,
  HardwareAccess,
  HostInfo,
  Hypervisor,
  NumberRange,
} from './hypervisor.ts';
import { checkImage, tooLarge } from './image-checks.ts';
import { layoutFor } from './layouts/layouts.ts';
import { DomainLedger } from './ledger.ts';
import type { Attempt } from './refusal.ts';
import { callRefused } from './refusal.ts';
import { SimulatedRights } from './simulated-rights.ts';

/** Domids from here on have other meanings (xen/xen.h). */
const { DOMID_FIRST_RESERVED } = layoutFor('4.17').constants;
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
  /** Numbers of the CPUs that are online. */
  cpus: readonly number[];
  /** I/O ports that Xen keeps for itself. */
  keptPorts: readonly NumberRange[];
  /** CPU features that the machine has and domains may see. */
  cpuFeatures: string[];
  version: string;
}

const DEFAULTS: SimulatedXen = {
  commandLine: 'boot-domain flask=enforcing',
  totalMemoryKiB: 3072 * 1024,
  bootDomainMemoryKiB: 512 * 1024,
  flask: 'enforcing',
  labels: [
    'system_u:system_r:domB_t',
    'system_u:system_r:dom0_t',
    'system_u:system_r:vtpm_t',
    'system_u:system_r:domU_t',
  ],
  hvm: true,
  iommu: true,
  cpus: [0, 1],
  keptPorts: [{ first: 0x3f8, count: 8 }],
  cpuFeatures: ['fpu', 'tsc', 'cx8', 'sep', 'cmov', 'fxsr', 'sse', 'sse2', 'sse3', 'cx16', 'svm'],
  version: '4.17',
};

type Method = Exclude<keyof Hypervisor, 'close'>;

/** A call that was made, for tests to look at. */
export interface SimulatedCall {
  method: Method;
  domid?: number;
}

/** Makes the call of `method` (for `domid`, if given) fail with `errno`. */
export interface Fault {
  method: Method;
  domid?: number;
  errno: string;
}

/** The C function in the error of a call that a {@link Fault} makes fail. */
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
  unpause: 'xc_domain_unpause',
  destroy: 'xc_domain_destroy',
  endPlatform: 'xc_domain_shutdown',
  setWatchdog: 'xc_watchdog',
  restrictHardware: 'xc_domain_ioport_permission',
};

interface Region {
  bytes: number;
}

/** A hypervisor in memory that keeps the rules of a real one and records what was asked of it. */
export class SimulatedHypervisor implements Hypervisor {
  /** All calls in order. */
  readonly calls: SimulatedCall[] = [];
  /** What domains were created with, by domid; stays when a domain is destroyed. */
  readonly creations = new Map<number, DomainCreation>();
  /** What domains were built from, by domid. */
  readonly images = new Map<number, DomainImage>();
  /** What was handed over, by domid. */
  readonly handedOver = new Map<number, Uint8Array>();
  /** Policies that were loaded, in order. */
  readonly loadedPolicies: Uint8Array[] = [];
  /** What the watchdog is set to; 0 while it is off. Time does not pass here. */
  watchdogSeconds = 0;
  /** How the platform was ended, if it was. */
  ended: 'halt' | 'reboot' | undefined;
  /** What the boot domain may use of the machine; what is left of it when the hardware domain is created is that domain's. */
  readonly rights: SimulatedRights;
  /** The call to fail next; stays set until changed. */
  failAt: Fault | undefined;

  readonly #xen: SimulatedXen;
  readonly #domains = new Map<number, DomainInfo>();
  readonly #ledger = new DomainLedger<Region>();
  #nextDomid = 1;
  #hardwareDomid: number;

  constructor(xen: Partial<SimulatedXen> = {}) {
    this.#xen = { ...DEFAULTS, ...xen };
    this.rights = new SimulatedRights(this.#xen.keptPorts);
    // With the series domain 0 is the one to make, without it the boot domain is domain 0.
    this.#hardwareDomid = bootDomidOf(this.#xen.commandLine);
    this.#domains.set(this.#hardwareDomid, {
      domid: this.#hardwareDomid,
      uuid: '00000000-0000-0000-0000-000000000000',
      seclabel: this.#xen.labels[0] ?? '',
      memoryKiB: this.#xen.bootDomainMemoryKiB,
      maxMemoryKiB: this.#xen.bootDomainMemoryKiB,
      vcpus: 1,
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

  check(domain: DomainProperties): void {
    this.#record(attempts.create(domain), 'check');
    checkProperties(domain, this.#xen);
    this.#resolve(domain.seclabel);
    for (const range of domain.devices?.ioports ?? []) {
      if (this.#canGive({ ...domain, devices: { ioports: [range], iomem: [], irqs: [] } }))
        continue;
      throw deviceNotHeld(domain, CALLS.check, `the I/O ports ${showRange(range)}`);
    }
    if (!this.#canGive(domain)) throw deviceNotHeld(domain, CALLS.check, 'a device');
    this.#checkCpuFeatures(domain);
  }

  restrictHardware(access: HardwareAccess): void {
    this.#ledger.checkNoHardware();
    this.#record(attempts.restrictHardware, 'restrictHardware');
    giveUpRights(access, this.rights);
  }

  create(domain: DomainCreation): void {
    const attempt = attempts.create(domain);
    this.#record(attempt, 'create');
    checkCreation(domain, this.#xen);
    this.#resolve(domain.seclabel);
    const refuse = (errno: string) => callRefused(attempt, CALLS.create, errno);
    // Our policy lets nobody make a second domain of the boot domain's type.
    if (this.#xen.flask !== 'absent' && domain.seclabel === this.#xen.labels[0]) {
      throw refuse('EACCES');
    }
    if (this.#domains.has(domain.domid)) throw refuse('EEXIST');
    if (!this.#givesExactly(domain.domid)) throw domidNotGiven(domain, this.#automaticDomid());
    if (!this.#canGive(domain)) throw callRefused(attempt, CALLS.check, 'EPERM');
    this.#checkCpuFeatures(domain);
    this.rights.give(domain.devices);
    this.creations.set(domain.domid, domain);
    this.#domains.set(domain.domid, {
      domid: domain.domid,
      uuid: domain.uuid,
      seclabel: this.#xen.flask === 'absent' ? '' : domain.seclabel,
      memoryKiB: 0,
      maxMemoryKiB: domain.maxMemoryKiB ?? domain.memoryKiB,
      vcpus: domain.maxVcpus ?? domain.vcpus,
      paused: true,
      dying: false,
      shutdown: false,
    });
    if (domain.hardware) this.#hardwareDomid = domain.domid;
    this.#ledger.created(domain);
  }

  reuse(domain: DomainCreation): void {
    this.#record(attempts.reuse(domain), 'reuse');
    const there = this.#domains.get(domain.domid);
    if (there === undefined || there.memoryKiB > 0) throw notEmpty(domain, there?.memoryKiB);
    checkCreation(domain, this.#xen);
    const { uuid, memoryKiB, maxMemoryKiB = memoryKiB } = domain;
    Object.assign(there, { uuid, maxMemoryKiB });
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
    this.images.set(domain.domid, image);
    const { handoverBytes } = image;
    this.#ledger.built(domain.domid, handoverBytes > 0 ? { bytes: handoverBytes } : undefined);
    const { domid, xenstore = false, console = false } = domain;
    // Any frames and ports, but other ones for each ring.
    return {
      ...(xenstore ? { xenstore: { frame: 0x1000 + 2 * domid, port: 1 } } : {}),
      ...(console ? { console: { frame: 0x1001 + 2 * domid, port: 2 } } : {}),
    };
  }

  handOver(domid: number, bytes: Uint8Array): void {
    this.#ledger.regionFor(domid, bytes.length);
    this.#record(attempts.handOver(domid), 'handOver');
    this.handedOver.set(domid, Uint8Array.from(bytes));
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

  #resolve(seclabel: string): number {
    const attempt = attempts.resolve(seclabel);
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
  #checkCpuFeatures(domain: DomainProperties): void {
    const missing = domain.cpuid?.find(
      ({ name, value }) => value === true && !this.#xen.cpuFeatures.includes(name),
    );
    if (missing !== undefined) throw cpuFeatureNotGiven(domain, missing);
    const { cpuFeatures } = this.#xen;
    if (domain.nestedHvm && !cpuFeatures.includes('svm') && !cpuFeatures.includes('vmx')) {
      throw nestingNotGiven(domain);
    }
  }

  /** Only who has a right can give it: the boot domain, until it has given it or made the hardware domain. */
  #canGive(domain: DomainProperties): boolean {
    if (!hasDevices(domain)) return true;
    const holds = this.#hardwareDomid === bootDomidOf(this.#xen.commandLine);
    return holds && this.rights.holdsAll(domain.devices);
  }

  #freeMemoryKiB(): number {
    let free = this.#xen.totalMemoryKiB;
    for (const { memoryKiB } of this.#domains.values()) free -= memoryKiB;
    return free;
  }
}
