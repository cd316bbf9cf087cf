/**
 * What a boot script is written against, version 1. Scripts import these types (`import type`, which vanishes before the
 * script runs); docs/boot-scripts.md explains them.
 */

/** When a script runs. */
export type ScriptPoint = 'before_planning' | 'after_create' | 'before_start' | 'after_start';

/**
 * What the module exports by default, for a script that runs at the point `P`. A promise is awaited; what it, or the function,
 * gives is of no interest.
 */
export type BootScript<P extends ScriptPoint = ScriptPoint> = (boot: BootAt[P]) => unknown;

interface BootAt {
  before_planning: BeforePlanning;
  after_create: AfterCreate;
  before_start: BeforeStart;
  after_start: AfterStart;
}

/** What every script can do. */
export interface Boot {
  /** Version of this interface. It grows when something is taken away or gets another meaning. */
  readonly version: 1;
  readonly point: ScriptPoint;
  /** The script's own name. */
  readonly script: string;
  /** The machine, as Xen described it when the script was started. */
  readonly host: Host;
  /** The domains that the boot makes, in the order in which they start, with everything that scripts have changed so far. */
  readonly planned: readonly PlannedDomain[];
  /** The domains that exist now, as Xen describes them; the boot domain is among them, without a name. */
  domains(): Promise<ExistingDomain[]>;
  /** Writes to the console and to the log that dom0 gets. */
  log(text: string): void;
  /** Ends the boot as failed. `hint` says what the operator should do. */
  refuse(reason: string, hint?: string): never;
}

export interface BeforePlanning extends Boot {
  readonly point: 'before_planning';
  /** Changes a domain as if the manifest said so. What a manifest may not say is refused. */
  configure(domain: string, change: DomainChange): Promise<void>;
  /**
   * Chooses what the hardware domain gets of the machine. Without this it gets all that no other domain was given. Each
   * of the three can be chosen once in a boot.
   */
  restrictHardware(choice: HardwareChoice): Promise<void>;
}

export interface AfterCreate extends Boot {
  readonly point: 'after_create';
  /**
   * Moves parts of the machine from the hardware domain to another, beside those that it has. Only with a policy that lets domB
   * give what it does not have itself.
   */
  giveDevices(domain: string, devices: DeviceGift): Promise<void>;
  /** Leaves a domain paused that the boot would have started. */
  keepPaused(domain: string): Promise<void>;
}

export interface BeforeStart extends Boot {
  readonly point: 'before_start';
  /** Leaves a domain paused that the boot would have started. */
  keepPaused(domain: string): Promise<void>;
}

/** Nothing can be measured any more, so nothing can be changed. */
export interface AfterStart extends Boot {
  readonly point: 'after_start';
}

export interface Host extends MeasuredFacts {
  /** Version of Xen, as `major.minor`. */
  readonly xen: string;
  /** Xen's command line. */
  readonly commandLine: string;
  readonly totalMemoryKiB: number;
  readonly freeMemoryKiB: number;
  /** Numbers of the CPUs that are online, ascending. */
  readonly cpus: readonly number[];
  /** Whether the machine can run PVH domains. */
  readonly hvm: boolean;
}

/**
 * What tells one machine from another. Each is measured, with its value, when a script of the boot reads it for the first time;
 * after the start only what was read before can be read. `undefined` where this machine does not tell.
 */
export interface MeasuredFacts {
  /** What firmware says of the machine and of itself. */
  readonly smbios?: Smbios;
  /** All functions of all devices, in the order of their addresses. */
  readonly pci?: readonly PciDevice[];
  readonly tpm?: TpmIdentity;
  /** Whether firmware checked the signature of what it started, as the TPM's PCR 7 confirms. */
  readonly secureBoot?: boolean;
  /** Revision of the processor's microcode in hexadecimal, for example `a0011d1`. */
  readonly microcode?: string;
}

/** Texts as they are in the firmware's tables; empty where these leave one out. */
export interface Smbios {
  readonly vendor: string;
  readonly product: string;
  readonly version: string;
  readonly serial: string;
  readonly uuid: string;
  readonly bios: { readonly vendor: string; readonly version: string; readonly date: string };
}

/** Numbers in hexadecimal, of 4, 4 and 6 digits. */
export interface PciDevice {
  /** For example `0000:00:1f.2`. */
  readonly address: string;
  readonly vendor: string;
  readonly device: string;
  /** Class, subclass and programming interface: `010601` is a SATA controller with AHCI. */
  readonly class: string;
}

export interface TpmIdentity {
  /** As registered with the TCG, for example `IFX`. */
  readonly manufacturer: string;
  readonly model: string;
  /** Both numbers of the firmware's version, in hexadecimal: `00070055.0011cb00`. Texts compare as versions do. */
  readonly firmware: string;
}

export interface PlannedDomain {
  readonly name: string;
  readonly domid: number;
  readonly type: string;
  readonly memoryKiB: number;
  readonly maxMemoryKiB: number;
  readonly vcpus: number;
  readonly cmdline: string;
  readonly seclabel: string;
  readonly capabilities: readonly string[];
  readonly autostart: boolean;
  readonly critical: boolean;
}

export interface ExistingDomain {
  /** Its name in the manifest. */
  readonly name?: string;
  readonly domid: number;
  readonly uuid: string;
  readonly seclabel: string;
  readonly memoryKiB: number;
  readonly vcpus: number;
  readonly paused: boolean;
  readonly dying: boolean;
  readonly shutdown: boolean;
}

/** Properties of a domain, written as in the manifest. */
export interface DomainChange {
  memory?: string;
  maxmem?: string;
  vcpus?: number;
  cmdline?: string;
  autostart?: boolean;
  ioports?: string[];
  iomem?: string[];
  irqs?: number[];
}

/** Written as in the manifest. */
export type DeviceGift = Pick<DomainChange, 'ioports' | 'iomem' | 'irqs'>;

/** What is not mentioned stays as it is. */
export interface HardwareChoice {
  /** As `ioports` of a domain: `"3f8-3ff"`. */
  ioports?: Only<string> | Without<string>;
  /** As `iomem` of a domain: `"fed40,5"`. */
  iomem?: Only<string> | Without<string>;
  /** ISA interrupts, 1 to 15. */
  irqs?: Only<number> | Without<number>;
}

/** These and no others. The boot fails where the hardware domain could not have one of them. */
export interface Only<T> {
  only: T[];
}

/** All but these, which nobody has then. */
export interface Without<T> {
  without: T[];
}
