import type { DomainInfo, HostInfo } from '../../bindings/hypervisor.ts';
import type { Manifest } from '../../boot-configs/manifest.ts';
import type { DomainRevision } from '../../boot-configs/revise.ts';
import type { MeasuredFacts } from '../../boot-scripts/api.ts';
import type { DomainDevices } from '../../domains/settings.ts';
import type { MeasuredItem } from '../../measurement/events.ts';
import type { Changes } from '../plan/boot.ts';

/** What scripts have changed. */
export interface ScriptChanges extends Changes {
  /** All changes of domains, in order. */
  configured: DomainRevision[];
}

/** A domain that exists, as far as scripts have to do with it. */
export interface ScriptedDomain {
  readonly name: string;
  readonly domid: number;
  /** The label that it runs under. */
  readonly seclabel: string;
  /** False where a script keeps it paused, too. */
  autostart: boolean;
  /** What of the machine it was given, by the manifest or by a script. */
  devices: DomainDevices;
}

/** What scripts need of a boot: all of it in domB, a made-up one where they are only tried. */
export interface ScriptState {
  readonly manifestBytes: Buffer;
  /** As scripts have changed it. */
  manifest: Manifest;
  readonly changes: ScriptChanges;
  readonly created: ScriptedDomain[];
  readonly facts: MeasuredFacts;
  readonly factsRead: Set<string>;
  readonly hypervisor: {
    host(): ScriptedHost;
    domains(): DomainInfo[];
    moveDevices(from: number, to: number, devices: DomainDevices): void;
  };
  readonly bootMeasurements: {
    measure(item: MeasuredItem): Promise<void>;
    readonly sealed: boolean;
  };
  readonly log: { readonly logger: { info(text: string): void } };
  readonly machine: { limitGrowth(pid: number, bytes: number): void };
}

/** What Xen says of itself and the machine, as far as scripts see it. */
export type ScriptedHost = Pick<
  HostInfo,
  'version' | 'commandLine' | 'totalMemoryKiB' | 'freeMemoryKiB' | 'cpus' | 'hvm'
>;
