/** What a domain has, as Xen itself says: to be compared with what it should have. */
import type { NumberRange } from '../domains/settings.ts';

export interface DomainHoldings {
  domid: number;
  uuid: string;
  /** FLASK context. */
  seclabel: string;
  /** Of type `pvh` or `hvm`, which differ in what is {@link CreationOutcome.emulated}. */
  hardwareAssisted: boolean;
  paused: boolean;
  /** Also shut down, or crashed. */
  dying: boolean;
  memoryKiB: number;
  maxMemoryKiB: number;
  /** That it can have. */
  vcpus: number;
  /** Physical CPUs that any of its vCPUs may run on, ascending. */
  cpus: readonly number[];
  /** Those that are in use, in the order of their ports; undefined where this Xen can't be asked. */
  eventChannels: readonly EventChannel[] | undefined;
  /** Pages that it lets others use, in the order of their references; undefined for the boot domain, which can't map its own table. */
  grants: readonly PageGrant[] | undefined;
  /** Undefined where this Xen can't be asked. */
  permissions: Permissions | undefined;
  /** Undefined where this Xen can't be asked. */
  creation: CreationOutcome | undefined;
}

export interface EventChannel {
  port: number;
  /** `waiting` for its peer, `joined` to it, or bound to what the hypervisor raises (interrupts, timers). */
  state: 'waiting' | 'joined' | 'bound';
  /** Domid of the peer; undefined where there is none. */
  peer: number | undefined;
}

export interface PageGrant {
  reference: number;
  /** Domid of who may use it. */
  to: number;
  readOnly: boolean;
  /** Guest frame; machine frame of a PV domain. */
  frame: number;
}

/** What of the machine a domain may use: ascending ranges that don't touch. */
export interface Permissions {
  ioports: readonly NumberRange[];
  /** Machine frames of 4 KiB. */
  iomem: readonly NumberRange[];
  irqs: readonly NumberRange[];
  /** PCI devices, as `0000:00:05.0`. */
  pci: readonly string[];
}

/** What Xen made of what it was told when the domain was created: its defaults are resolved. */
export interface CreationOutcome {
  grantFrames: number;
  maptrackFrames: number;
  /** The highest event channel port. */
  eventChannels: number;
  /** Devices that Xen emulates for it: XEN_X86_EMU_*, xen/arch-x86/xen.h. */
  emulated: number;
  nestedHvm: boolean;
  msrRelaxed: boolean;
  /** Whether devices that do DMA can be assigned to it. */
  iommu: boolean;
  /** Whether it is one that serves xenstore, by what Xen lets it do. */
  xenstoreDomain: boolean;
  /** Whether it can count the events of the processor. */
  vpmu: boolean;
  /** Bytes of a buffer for traces of the processor. */
  traceBytes: number;
}
