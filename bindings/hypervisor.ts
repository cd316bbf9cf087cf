import type { DomainDevices, DomainProperties, NumberRange } from '../domains/settings.ts';
import type { DomainHoldings } from './holdings.ts';
import type { MappedFile } from './mapped-files.ts';

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
   * Compares a domain with the running hypervisor and machine without creating anything.
   * @returns everything for which {@link create} would refuse, the policy's permissions and the memory aside
   */
  check(domain: DomainProperties): HypervisorError[];
  /**
   * Chooses what the hardware domain will have of the machine, by taking the rest from the boot domain. To be called before
   * the hardware domain is created, and after the domains that are given devices.
   */
  restrictHardware(access: HardwareAccess): void;
  /**
   * Takes parts of the machine from the hardware domain, which must have them, and gives them to another. Xen lets the boot domain do so,
   * who has nothing of the machine any more, where the policy gives it `resource delegate`.
   */
  moveDevices(from: number, to: number, devices: DomainDevices): void;
  /**
   * Creates a paused domain with exactly the given domid, without memory contents. Until {@link label} it has a label that only
   * the boot domain has rights over (domains/build-label.ts).
   */
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
   * The domain must not have got its label.
   */
  handOver(domid: number, bytes: Uint8Array): void;
  /** What a domain has by now, that domain being the boot domain itself or one that does not run yet. */
  holdings(domid: number): DomainHoldings;
  /**
   * Gives a built domain the label that it was created for. Under our policy the boot domain can do no more to it afterwards than
   * see, start and destroy it.
   */
  label(domid: number): void;
  /**
   * Has what the port `from` sends arrive at the port `to`, and nowhere else any more (Argo's links, a part of our series). Both
   * domains have their labels.
   */
  connect(from: ArgoPort, to: ArgoPort): void;
  /** Lets a domain run that is built and has its label. */
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
  /** As `major.minor`. */
  version: string;
  /** The rest of the version, for example `.5`. */
  extra: string;
  /** Xen's own command line. */
  commandLine: string;
  totalMemoryKiB: number;
  freeMemoryKiB: number;
  /** The page frames that are RAM, as the machine's memory map says; Xen's own among them. */
  ram: readonly NumberRange[];
  /** Numbers of the physical CPUs that Xen runs domains on, ascending. */
  cpus: readonly number[];
  /** True when hardware-assisted domains (PVH, HVM) can be created. */
  hvm: boolean;
  /** True when Xen uses an IOMMU, so that a device can be confined to the memory of the domain that gets it. */
  iommu: boolean;
  /**
   * True when no device could reach memory that is not its domain's since before the boot domain ran, and those of the
   * hardware domain will not either. A Xen without our series never says so.
   */
  dmaConfined: boolean;
}

export interface DomainInfo {
  domid: number;
  uuid: string;
  /** FLASK context as Xen reports it; empty without FLASK. */
  seclabel: string;
  memoryKiB: number;
  maxMemoryKiB: number;
  vcpus: number;
  /** Of type `pvh` or `hvm`. */
  hardwareAssisted: boolean;
  paused: boolean;
  dying: boolean;
  shutdown: boolean;
}

/** A port of Xen's Argo, by which a domain sends or receives. */
export interface ArgoPort {
  domid: number;
  port: number;
}

export interface DomainCreation extends DomainProperties {
  /** Canonical text form, 36 characters. */
  uuid: string;
}

/** Shared memory and event channel through which the hardware domain serves something to a domain. */
export interface Ring {
  /** The frame of its page: a machine frame for PV, a guest frame for PVH. */
  frame: number;
  /** The port at the domain's side. */
  port: number;
}

export interface XenstoreRing extends Ring {
  /**
   * Its kernel knows the frame from the start and waits for xenstore, as a pv kernel does. A pvh or hvm domain is told it when it is
   * introduced, if the policy lets the hardware domain do that.
   */
  told?: true;
}

/** What the hardware domain must know to serve a domain. */
export interface DomainRings {
  xenstore?: XenstoreRing;
  console?: Ring;
}

/** What is left out stays as it is: all that Xen gave the boot domain and no other domain was given. */
export interface HardwareAccess {
  ioports?: RangeChoice;
  /** Machine frames of 4 KiB. All but some only: Xen does not tell which frames it holds back, and there are too many to try. */
  iomem?: AllBut;
  /** ISA interrupts, 1 to 15. */
  irqs?: RangeChoice;
}

export type RangeChoice = AllBut | { only: readonly NumberRange[] };

export interface AllBut {
  without: readonly NumberRange[];
}

export interface DomainImage {
  /** An uncompressed ELF kernel with Xen's ELF notes. */
  kernel: Uint8Array;
  /** One behind the other, each from a new page on. */
  ramdisk?: readonly (Uint8Array | MappedFile)[];
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
