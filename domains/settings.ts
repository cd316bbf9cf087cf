/**
 * What a domain can be asked for, in the one form that manifest and hypervisor share. Nothing may be left out: where Xen
 * has a default of its own, that is said.
 */

/** `hvm` is a domain without a device model: what Xen itself emulates is all the hardware that it has. */
export type DomainType = 'pv' | 'pvh' | 'hvm';

/** Everything about a domain that is known before the boot gives it a UUID and images. */
export interface DomainProperties {
  name: string;
  domid: number;
  type: DomainType;
  /** FLASK context such as `system_u:system_r:domU_t`. */
  seclabel: string;
  /** What it starts with; whole pages of 4 KiB. */
  memoryKiB: number;
  /** What it may balloon up to; as `memoryKiB` but for PV. */
  maxMemoryKiB: number;
  /** That run from the start. */
  vcpus: number;
  /** That it can have. */
  maxVcpus: number;
  /** Differences from the CPU that Xen shows a domain of its type, sorted by name. Not for the hardware domain. */
  cpuid: readonly CpuFeature[];
  /** Whether it may run virtual machines of its own; not PV. */
  nestedHvm: boolean;
  /** Whether registers of the processor that Xen does not know read as 0 instead of giving a fault. */
  msrRelaxed: boolean;
  /** Numbers of the physical CPUs that its vCPUs may run on, ascending. */
  cpus: 'all' | readonly number[];
  limits: DomainLimits;
  /**
   * What it alone may use of the machine; PV, and not the hardware domain. To be created before the hardware domain,
   * which takes everything that the boot domain still has.
   */
  devices: DomainDevices;
  /** Devices that do DMA can be assigned to it later; PV, and only where Xen uses an IOMMU. The hardware domain has it there. */
  iommu: boolean;
  /** Gets a ring to the hardware domain that xenstore can be served through, once that domain has introduced it. */
  xenstore: boolean;
  /** Gets a ring to the hardware domain for its console; only with `xenstore`, through which consoles are found. */
  console: boolean;
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

/** For each a number, or the hypervisor's own. */
export interface DomainLimits {
  /** Pages of the grant table. */
  grantFrames: Limit;
  /** Pages that track foreign grants which the domain has mapped. */
  maptrackFrames: Limit;
  /** The highest event channel port. */
  eventChannels: Limit;
}

export type Limit = number | 'default';

/** Parts of the machine, ascending. */
export interface DomainDevices {
  ioports: readonly NumberRange[];
  /** Machine frames of 4 KiB. */
  iomem: readonly NumberRange[];
  /** ISA interrupts, 1 to 15. */
  irqs: readonly number[];
}

export interface NumberRange {
  first: number;
  count: number;
}
