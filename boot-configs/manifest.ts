import type { ScriptPoint } from '../boot-scripts/api.ts';
import type { EndAction } from '../domains/end-actions.ts';
import type { ServedDisk, ServedVif } from '../domains/served-devices.ts';
import type { DomainLimits, DomainProperties } from '../domains/settings.ts';
import type { ImageComponent } from '../measurement/events.ts';

export type { ImageComponent, ScriptPoint };

/** The effective manifest: defaults applied, units resolved. */
export interface Manifest {
  version: 2;
  platform: PlatformSettings;
  /** In the order in which they start. */
  domains: DomainSettings[];
  /** The domain that a failed boot starts in the place of the hardware domain. */
  recovery?: DomainSettings;
  /** In the order in which those of one point run. */
  scripts: ScriptSettings[];
}

/** What ends a failed boot. Where recovery is impossible, the machine halts. */
export type FailureAction = 'halt' | 'reboot' | 'recovery';

export interface ScriptSettings {
  name: string;
  /** Path relative to the image directory, without `..`. */
  run: string;
  at: ScriptPoint;
  timeoutSeconds: number;
  /** Pinned, as `sha256:<hex>`, `sha384:<hex>` or `sha512:<hex>`. */
  digest?: string;
}

export interface PlatformSettings {
  onFailure: FailureAction;
  /** What the boot may take; without it any time. */
  timeoutSeconds?: number;
  /** Whether a boot ends where devices can reach memory that is not their domain's. */
  iommu: 'required' | 'optional';
  /**
   * TPM registers, 8 to 15: `pcr` takes what can be predicted from the manifest and the images, `bootPcr` what differs at
   * each boot. `banks` must be active, sorted.
   */
  measurement: { pcr: number; bootPcr: number; banks: string[] };
  handover: {
    /** Absolute path in the initramfs of who takes over. */
    directory: string;
  };
  /** Whose approval opens states of TPMs that outlast the boot: a public key in PEM form, and the label of its approvals, which may be empty. */
  vtpmState?: { approver: string; label: string };
}

/** What the hypervisor takes as a manifest says it; the rest has another form there, or is not for it. */
type AskedAsSet = Omit<DomainProperties, 'cpus' | 'limits' | 'iommu' | 'hardware'>;

/** A domain of the effective manifest. `properties/` says for each property how it is read, and what becomes of it. */
export interface DomainSettings extends AskedAsSet {
  /** Lower case. Without it the domain gets a fresh random one at each boot. */
  uuid?: string;
  /** Physical CPUs that it may run on, ascending. Without it: all. */
  cpus?: number[];
  /** Path relative to the image directory, without `..`. */
  kernel: string;
  /** The segments of its ramdisk, as such paths, in their order; empty for none. */
  ramdisk: string[];
  /** Printable ASCII. */
  cmdline: string;
  /** Sorted. */
  capabilities: Capability[];
  /** Where one is absent, the hypervisor's own holds. */
  limits: { [L in keyof DomainLimits]?: number };
  /** PCI devices that domain 0 attaches to it, as `0000:00:05.0`, ascending. */
  pci: string[];
  /** Disks that domain 0 attaches to it, in the order of the manifest; absent for none. */
  disks?: ServedDisk[];
  /** Network interfaces that domain 0 attaches to it: the first one is its eth0. Absent for none. */
  vifs?: ServedVif[];
  /** Joined to other domains' ports when all domains are built. */
  channels: JoinedPort[];
  /** Name of the domain that serves its TPM; both have `xenstore`. */
  vtpm?: string;
  /** Its TPM outlasts the boot. */
  vtpmPersistent?: true;
  /** Pinned, as `sha256:<hex>`, `sha384:<hex>` or `sha512:<hex>`; for the ramdisk one for each segment. */
  digests: { kernel?: string; ramdisk?: string[] };
  /**
   * Where its images are measured, and which of them. What is left out is in no register; the kernel never is.
   */
  measurement: { pcr: number; components: ImageComponent[] };
  /** False for a domain that is built and stays paused. */
  autostart: boolean;
  /** False for a domain that the boot can do without. */
  critical: boolean;
  /** What domain 0 does with it when it has shut down, asks for a reboot, or has crashed; without it, it destroys it. */
  onPoweroff?: EndAction;
  onReboot?: EndAction;
  onCrash?: EndAction;
  /** What ends the boot when a step of this domain fails; without it, what the platform says. */
  onFailure?: FailureAction;
}

/** Ports of Argo that are joined. */
export interface JoinedPort {
  port: number;
  /** Name of a domain. */
  peer: string;
  peerPort: number;
  /** False where the peer only receives. */
  twoWay: boolean;
}

export type Capability = 'control' | 'hardware' | 'xenstore';
