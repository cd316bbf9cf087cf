/**
 * What the boot domain asks of a hypervisor. Two implementations stand behind it: the real one over libxenctrl and
 * libxenguest (`xen-hypervisor.ts`) and a simulator that keeps the same rules (`simulator.ts`), for unit tests.
 *
 * Every method throws a {@link HypervisorError} when the hypervisor refuses.
 */
export interface Hypervisor {
  /** Version and capacity of the running hypervisor. */
  host(): HostInfo;
  /** State of XSM/FLASK. */
  flask(): FlaskState;
  /** Puts a compiled FLASK policy into force, in the place of the one that Xen was started with. */
  loadPolicy(policy: Uint8Array): void;
  /** Resolves a FLASK context such as `system_u:system_r:domU_t` to its SID; fails when the policy has none. */
  securityId(seclabel: string): number;
  /** All existing domains, in ascending order of domid. */
  domains(): DomainInfo[];
  /**
   * Compares a domain with the running hypervisor and machine without creating anything: fails for what {@link create} would
   * refuse, the policy's permissions and the memory aside.
   */
  check(domain: DomainProperties): void;
  /**
   * Chooses what the hardware domain will have of the machine, by taking the rest from the boot domain. To be called before
   * the hardware domain is created, and after the domains that are given devices.
   */
  restrictHardware(access: HardwareAccess): void;
  /** Creates a paused domain with exactly the given domid, without memory contents. */
  create(domain: DomainCreation): void;
  /**
   * Makes a created domain that has no memory yet another one: name, UUID, memory and CPUs it may run on become those of
   * `domain`; domid, type, label, number of vCPUs, limits and rights stay. Its build may have failed before it took memory.
   */
  reuse(domain: DomainCreation): void;
  /**
   * Allocates the domain's memory and loads kernel, ramdisk and command line from the given bytes.
   * The bytes must not change until the promise settles.
   * @returns the rings that the domain was given
   */
  build(domain: DomainCreation, image: DomainImage): Promise<DomainRings>;
  /**
   * Writes `bytes` into the region that {@link DomainImage.handoverBytes} reserved when `domid` was built.
   * The domain must not have been started.
   */
  handOver(domid: number, bytes: Uint8Array): void;
  /** Lets a built domain run. */
  unpause(domid: number): void;
  /** Destroys a domain and frees its memory. */
  destroy(domid: number): void;
  /** Ends the whole platform by shutting down the hardware domain `domid`. */
  endPlatform(domid: number, how: 'halt' | 'reboot'): void;
  /**
   * Has the hypervisor shut this domain down as failed in so many seconds from now, which ends the platform; 0 takes that
   * back. A later call replaces an earlier one.
   */
  setWatchdog(seconds: number): void;
  /** Gives back the library handles. */
  close(): void;
}

export type FlaskState = 'absent' | 'permissive' | 'enforcing';

export interface HostInfo {
  /** As `major.minor`, for example `4.17`. */
  version: string;
  /** The rest of the version, for example `.5`. */
  extra: string;
  /** Xen's own command line. */
  commandLine: string;
  totalMemoryKiB: number;
  freeMemoryKiB: number;
  /** Numbers of the physical CPUs that Xen runs domains on, ascending. */
  cpus: readonly number[];
  /** True when hardware-assisted domains (PVH, HVM) can be created. */
  hvm: boolean;
  /** True when Xen confines what devices can do to memory. */
  iommu: boolean;
}

export interface DomainInfo {
  domid: number;
  uuid: string;
  /** FLASK context as Xen reports it; empty without FLASK. */
  seclabel: string;
  memoryKiB: number;
  maxMemoryKiB: number;
  vcpus: number;
  paused: boolean;
  dying: boolean;
  shutdown: boolean;
}

/** `hvm` is a domain without a device model: what Xen itself emulates is all the hardware that it has. */
export type DomainType = 'pv' | 'pvh' | 'hvm';

export interface DomainCreation extends DomainProperties {
  /** Canonical text form, 36 characters. */
  uuid: string;
}

/** Everything about a domain that is known before the boot gives it a UUID. */
export interface DomainProperties {
  name: string;
  domid: number;
  type: DomainType;
  seclabel: string;
  memoryKiB: number;
  /** What it may balloon up to; as `memoryKiB` when left out. PV only. */
  maxMemoryKiB?: number;
  /** That run from the start. */
  vcpus: number;
  /** That it can have; as `vcpus` when left out. */
  maxVcpus?: number;
  /** Differences from the CPU that Xen shows a domain of its type. Not for the hardware domain. */
  cpuid?: readonly CpuFeature[];
  /** Whether it may run virtual machines of its own; not PV. */
  nestedHvm?: boolean;
  /** Whether registers of the processor that Xen does not know read as 0 instead of giving a fault. */
  msrRelaxed?: boolean;
  /** Numbers of the physical CPUs that its vCPUs may run on; all when left out. */
  cpus?: readonly number[];
  /** Where one is left out, the hypervisor's own holds. */
  limits?: DomainLimits;
  /**
   * What it alone may use of the machine; PV, and not the hardware domain. To be created before the hardware domain,
   * which takes everything that the boot domain still has.
   */
  devices?: DomainDevices;
  /** Devices that do DMA can be assigned to it later; PV, and only where Xen uses an IOMMU. The hardware domain has it there. */
  iommu?: boolean;
  /** Gets a ring to the hardware domain that xenstore can be served through, once that domain has introduced it. */
  xenstore?: boolean;
  /** Gets a ring to the hardware domain for its console; only with `xenstore`, through which consoles are found. */
  console?: boolean;
  /** The domain that takes over interrupts, I/O ports and I/O memory from the boot domain. */
  hardware: boolean;
}

/** One feature of the CPU that a domain sees. */
export interface CpuFeature {
  /** As in xen/arch-x86/cpufeatureset.h, in lower case with `-` for `_`. */
  name: string;
  /** Shown or hidden; `host` for what the machine has. */
  value: boolean | 'host';
}

/** Shared memory and event channel through which the hardware domain serves something to a domain. */
export interface Ring {
  /** The frame of its page: a machine frame for PV, a guest frame for PVH. */
  frame: number;
  /** The port at the domain's side. */
  port: number;
}

/** What the hardware domain must know to serve a domain. */
export interface DomainRings {
  xenstore?: Ring;
  console?: Ring;
}

export interface DomainDevices {
  ioports: readonly NumberRange[];
  /** Machine frames of 4 KiB. */
  iomem: readonly NumberRange[];
  /** ISA interrupts, 1 to 15. */
  irqs: readonly number[];
}

/** What is left out stays as it is: all that Xen gave the boot domain and no other domain was given. */
export interface HardwareAccess {
  ioports?: RangeChoice;
  /** Machine frames of 4 KiB. All but some only: Xen does not tell which frames it holds back, and there are too many to try. */
  iomem?: Without;
  /** ISA interrupts, 1 to 15. */
  irqs?: RangeChoice;
}

export type RangeChoice = Without | { only: readonly NumberRange[] };

export interface Without {
  without: readonly NumberRange[];
}

export interface NumberRange {
  first: number;
  count: number;
}

export interface DomainLimits {
  /** Pages of the grant table. */
  grantFrames?: number;
  /** Pages that track foreign grants which the domain has mapped. */
  maptrackFrames?: number;
  /** The highest event channel port. */
  eventChannels?: number;
}

export interface DomainImage {
  /** An uncompressed ELF kernel with Xen's ELF notes. */
  kernel: Uint8Array;
  ramdisk?: Uint8Array;
  cmdline: string;
  /**
   * Bytes of zeros put in front of the ramdisk, a multiple of 4096; 0 for none. Linux skips zeros between cpio
   * archives, so the region may later hold an archive of its own (see {@link Hypervisor.handOver}).
   */
  handoverBytes: number;
}

/** A refused or failed hypervisor operation. */
export class HypervisorError extends Error {
  override name = 'HypervisorError';
  /** The library call that failed, for example `xc_domain_create`. */
  readonly call: string;
  /** Symbolic errno, for example `EEXIST`; empty when the library gave none. */
  readonly errno: string;
  readonly domid: number | undefined;
  /** What to do about it. */
  readonly hint: string;

  constructor(fields: {
    call: string;
    errno?: string;
    domid?: number;
    /** One line that says what was wanted and what the library said. */
    message: string;
    hint: string;
  }) {
    super(fields.message);
    this.call = fields.call;
    this.errno = fields.errno ?? '';
    this.domid = fields.domid;
    this.hint = fields.hint;
  }
}
