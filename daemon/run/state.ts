import type { Tpm } from 'node-tpm2-pts';
import type { Permissions } from '../../bindings/holdings.ts';
import type { DomainCreation, DomainRings, Hypervisor } from '../../bindings/hypervisor.ts';
import type { Manifest } from '../../boot-configs/manifest.ts';
import type { MeasuredFacts } from '../../boot-scripts/api.ts';
import type { VtpmStateKey } from '../../domains/vtpm-state-key.ts';
import type { MissingKey } from '../../measurement/events.ts';
import type { BootQuote } from '../../measurement/evidence/boot-key.ts';
import type { Evidence } from '../../measurement/evidence/evidence.ts';
import type { NewAuthority } from '../../measurement/guest-tpm/authority.ts';
import type { MeasurementLog } from '../../measurement/measurement-log.ts';
import type { MeasuredSources } from '../plan/measured-items.ts';
import type { AbandonedDomain, BootFailureRecord } from '../plan/record.ts';
import { paths, type Settings } from '../plan/settings.ts';
import type { ToldToDom0 } from '../plan/told.ts';
import type { ScriptChanges } from '../scripts/script-state.ts';
import { LoadedImage } from './loaded-image.ts';
import type { BootLog } from './log.ts';
import type { Machine } from './machine.ts';
import type { TimedTransport } from './timed-transport.ts';
import type { Timeline } from './timeline.ts';

/** A domain that this boot has created, with what was chosen at boot time. */
export interface CreatedDomain extends DomainCreation, ToldToDom0 {
  capabilities: readonly string[];
  /** Devices that dom0 is to attach. */
  pci: readonly string[];
  /** False also where a script keeps it paused. */
  autostart: boolean;
  /** Known once it is built. */
  rings?: DomainRings;
}

/** Until the settings are read: fail closed. */
const cautious: Settings = {
  pcr: 13,
  bootPcr: 12,
  policy: false,
  signed: false,
  onFailure: 'halt',
  modules: [],
};

/**
 * What the steps of a boot share. It grows: {@link OpenState} is the same once everything is open, {@link BootState} once the
 * manifest is read, so that a step says by its type when it may run.
 */
export class EarlyState {
  readonly machine: Machine;
  readonly log: BootLog;
  readonly timeline: Timeline;
  settings = cautious;
  /** Why the boot failed, if it did. */
  failure: BootFailureRecord | undefined;

  tpm: Tpm | undefined;
  /** What it was asked so far. */
  tpmTime: TimedTransport | undefined;
  /** True once the TPM is left to the next kernel. */
  tpmReleased = false;
  /** The event log of the firmware that started this platform, if it left one. */
  firmwareLog: Buffer | undefined;
  /** The log that can be predicted. */
  measurements: MeasurementLog | undefined;
  /** The log of what differs at each boot. */
  bootMeasurements: MeasurementLog | undefined;
  hypervisor: Hypervisor | undefined;
  /** The domid that Xen gave to the boot domain itself. */
  bootDomid = 0;

  manifestBytes: Buffer | undefined;
  /** As scripts have changed it. */
  manifest: Manifest | undefined;
  /** What scripts have changed. */
  readonly changes: ScriptChanges = { configured: [] };
  /** What scripts may read of the machine. */
  facts: MeasuredFacts = {};
  /** Those that a script has read, and that are measured. */
  readonly factsRead = new Set<string>();

  /** True once the recovery domain is checked and measured. */
  recoveryArmed = false;
  /** True once it is measured which key quotes this boot, or that none does. */
  keyMade = false;
  /** What states of guests' TPMs are encrypted under, once the TPM was asked for it; all zeros when it was given away. */
  vtpmKey: VtpmStateKey | undefined;
  /** Why none does. */
  missingKey: MissingKey | undefined;
  /** What Xen let the boot domain use of the machine before there were others; undefined where this Xen can't be asked. */
  hardware: Permissions | undefined;
  /** Who vouches for the TPMs that a domain serves, by that domain's name; a private half is there until the domain is built. */
  readonly authorities = new Map<string, NewAuthority>();
  /** UUIDs that this boot gives, by the domain's name. */
  readonly uuids = new Map<string, string>();
  readonly created: CreatedDomain[] = [];
  /** Domains that are not critical and could not be made. */
  readonly abandoned: AbandonedDomain[] = [];
  /** What Xen could not be asked when the domains were read back. */
  readonly unread = new Set<string>();
  /** What was quoted before the caps, unless the TPM has no bank that is worth it. */
  bootQuote: BootQuote | undefined;
  /** The boot quote, once it is taken; never where no key could. */
  evidence: Evidence | undefined;

  readonly #files = new Map<string, LoadedImage>();

  constructor(machine: Machine, log: BootLog, timeline: Timeline) {
    this.machine = machine;
    this.log = log;
    this.timeline = timeline;
  }

  /** Where measured bytes come from in this boot. */
  get sources(): MeasuredSources {
    const { policy, signed } = this.settings;
    return {
      manifestBytes: this.manifestBytes,
      // What scripts change may depend on the machine: it is measured apart.
      manifest: this.changes.written ?? this.manifest,
      image: (path) => this.image(path),
      ...(policy ? { policy: () => this.policy() } : {}),
      ...(signed ? { signatureKey: () => this.machine.readFile(paths.signatureKey) } : {}),
    };
  }

  /** The FLASK policy of the boot image. */
  async policy(): Promise<LoadedImage> {
    return this.#load(paths.policy);
  }

  /**
   * An image's bytes by its path in the manifest, taken once however many domains use it: what is measured is what is
   * built.
   */
  async image(path: string): Promise<LoadedImage> {
    return this.#load(`${paths.images}/${path}`);
  }

  #load(file: string): LoadedImage {
    const known = this.#files.get(file);
    if (known) return known;
    const image = new LoadedImage(this.machine.takeFile(file));
    this.#files.set(file, image);
    return image;
  }
}

type With<K extends keyof EarlyState> = EarlyState & {
  [P in K]: NonNullable<EarlyState[P]>;
};

/** TPM, logs and hypervisor are there. */
export type OpenState = With<'tpm' | 'measurements' | 'bootMeasurements' | 'hypervisor'>;

/** The manifest, too: everything that a domain is made with. */
export type BootState = OpenState & With<'manifestBytes' | 'manifest'>;

/** The boot quote, too: what a boot hands over. */
export type QuotedState = BootState & With<'evidence'>;

export function isOpen(state: EarlyState): state is OpenState {
  const { tpm, measurements, bootMeasurements, hypervisor } = state;
  return [tpm, measurements, bootMeasurements, hypervisor].every((part) => part !== undefined);
}

export function isRead(state: EarlyState): state is BootState {
  return isOpen(state) && state.manifestBytes !== undefined && state.manifest !== undefined;
}

/** For what an earlier step of the same phase leaves: it is there, or the phase has its steps in a wrong order. */
export function present<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`the ${what} is used before it is there`);
  return value;
}
