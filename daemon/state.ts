import type { Tpm } from 'node-tpm2-pts';
import type { DomainCreation, DomainRings, Hypervisor } from '../bindings/hypervisor.ts';
import type { Manifest } from '../boot-configs/manifest.ts';
import type { DomainRevision } from '../boot-configs/revise.ts';
import type { Evidence } from '../measurement/evidence/evidence.ts';
import type { MeasurementLog } from '../measurement/measurement-log.ts';
import type { Changes } from './boot.ts';
import { LoadedImage } from './loaded-image.ts';
import type { BootLog } from './log.ts';
import type { Machine } from './machine.ts';
import type { MeasuredSources } from './measured-items.ts';
import { paths, type Settings } from './settings.ts';
import type { Timeline } from './timeline.ts';

/** A domain that this boot has created, with what was chosen at boot time. */
export interface CreatedDomain extends DomainCreation {
  capabilities: readonly string[];
  /** Devices that dom0 is to attach. */
  pci: readonly string[];
  /** False also where a script keeps it paused. */
  autostart: boolean;
  /** Name of the domain that serves its TPM. */
  vtpm?: string;
  /** Known once it is built. */
  rings?: DomainRings;
}

/** A failed boot, for those who look into it. */
export interface BootFailureRecord {
  phase?: string;
  step?: string;
  /** The domain that the step was for. */
  domain?: string;
  what: string;
  hint: string;
}

export interface ScriptChanges extends Changes {
  /** All changes of domains, in order. */
  configured: DomainRevision[];
}

export interface AbandonedDomain {
  name: string;
  domid: number;
  /** The step that failed, and why. */
  what: string;
}

/** What the steps of a boot share. Each getter fails when an earlier step should have set the value. */
export class BootState {
  readonly machine: Machine;
  readonly settings: Settings;
  readonly log: BootLog;
  readonly timeline: Timeline;
  readonly created: CreatedDomain[] = [];
  /** Domains that are not critical and could not be made. */
  readonly abandoned: AbandonedDomain[] = [];
  /** The domid that Xen gave to the boot domain itself. */
  bootDomid = 0;
  /** True once the recovery domain is checked and measured. */
  recoveryArmed = false;
  /** True once the key that quotes this boot is measured. */
  keyMade = false;
  /** Why the boot failed, if it did. */
  failure: BootFailureRecord | undefined;
  tpm: Tpm | undefined;
  /** The event log of the firmware that started this platform, if it left one. */
  firmwareLog: Buffer | undefined;
  /** The log that can be predicted. */
  measurementsIfOpen: MeasurementLog | undefined;
  /** The log of what differs at each boot. */
  bootMeasurementsIfOpen: MeasurementLog | undefined;
  hypervisorIfOpen: Hypervisor | undefined;
  manifestBytes: Buffer | undefined;
  evidenceIfQuoted: Evidence | undefined;
  /** As scripts have changed it. */
  manifestIfRead: Manifest | undefined;
  /** What scripts have changed. */
  readonly changes: ScriptChanges = { configured: [] };
  /** UUIDs that this boot gives, by the domain's name. */
  readonly uuids = new Map<string, string>();
  readonly #files = new Map<string, Promise<LoadedImage>>();

  constructor(machine: Machine, settings: Settings, log: BootLog, timeline: Timeline) {
    this.machine = machine;
    this.settings = settings;
    this.log = log;
    this.timeline = timeline;
  }

  get manifest(): Manifest {
    return present(this.manifestIfRead, 'manifest');
  }

  get hypervisor(): Hypervisor {
    return present(this.hypervisorIfOpen, 'hypervisor');
  }

  get bootMeasurements(): MeasurementLog {
    return present(this.bootMeasurementsIfOpen, 'boot log');
  }

  get evidence(): Evidence {
    return present(this.evidenceIfQuoted, 'boot quote');
  }

  get measurements(): MeasurementLog {
    return present(this.measurementsIfOpen, 'measurement log');
  }

  /** Where measured bytes come from in this boot. */
  get sources(): MeasuredSources {
    const { policy, signed } = this.settings;
    return {
      manifestBytes: this.manifestBytes,
      // What scripts change may depend on the machine: it is measured apart.
      manifest: this.changes.written ?? this.manifestIfRead,
      image: (path) => this.image(path),
      ...(policy ? { policy: () => this.policy() } : {}),
      ...(signed ? { signatureKey: () => this.machine.readFile(paths.signatureKey) } : {}),
    };
  }

  /** The FLASK policy of the boot image. */
  policy(): Promise<LoadedImage> {
    return this.#load(paths.policy);
  }

  /**
   * An image's bytes by its path in the manifest, read once however many domains use it: what is measured is what is
   * built.
   */
  image(path: string): Promise<LoadedImage> {
    return this.#load(`${paths.images}/${path}`);
  }

  #load(file: string): Promise<LoadedImage> {
    const known = this.#files.get(file);
    if (known) return known;
    const loading = this.machine.readFile(file).then((bytes) => new LoadedImage(bytes));
    this.#files.set(file, loading);
    return loading;
  }
}

function present<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`the ${what} is used before it is there`);
  return value;
}
