import type { DomainRings } from '../../bindings/hypervisor.ts';
import type { Manifest } from '../../boot-configs/manifest.ts';
import type { DomainType } from '../../domains/settings.ts';
import type { ToldToDom0 } from './told.ts';

/** One operation's place in time, in milliseconds since domB's kernel started. */
export interface TimelineEntry {
  phase: string;
  step: string;
  start: number;
  duration: number;
}

/** What is wrong, found by a step. */
export interface StepProblem {
  step: string;
  /** The domain that the step was for. */
  domain?: string;
  what: string;
  /** What to do about it. */
  hint: string;
}

/** A failed boot, for those who look into it. */
export interface BootFailureRecord {
  phase?: string;
  /** Left out where several steps failed, as in `problems`. */
  step?: string;
  domain?: string;
  /** All of it. */
  what: string;
  hint: string;
  /** One by one, where it is more than one thing. */
  problems?: readonly StepProblem[];
}

/** A domain that is not critical and could not be made. */
export interface AbandonedDomain {
  name: string;
  domid: number;
  /** The step that failed, and why. */
  what: string;
}

/** A domain that domB made, as the record tells of it. */
export interface RecordedDomain extends DomainRings, ToldToDom0 {
  name: string;
  domid: number;
  uuid: string;
  type: DomainType;
  seclabel: string;
  memoryKiB: number;
  maxMemoryKiB: number;
  vcpus: number;
  maxVcpus: number;
  capabilities: readonly string[];
  /** False where it waits for dom0 to start it. */
  autostart: boolean;
  /** Devices that dom0 is to attach, as `0000:00:05.0`. */
  pci: readonly string[];
}

/** What domB tells dom0 about a boot (`record.json`): facts that differ from boot to boot and are therefore not measured. */
export interface HandoverRecord {
  /** Of the record's shape; it changes when a reader of an older one would go wrong. */
  version: 1;
  bootDomid: number;
  hardwareDomid: number | undefined;
  /** Xen's version. */
  xen: string;
  measurement: Manifest['platform']['measurement'] & { events: number };
  domains: RecordedDomain[];
  abandoned: readonly AbandonedDomain[];
  /** What of its domains Xen could not be asked, so that nobody compared it with what they should have. */
  unread: readonly string[];
  failure?: BootFailureRecord;
  /** Why no key has quoted this boot, and what to do. */
  noQuote?: { what: string; hint: string };
  /** When the Node process started and when it ran its first line of ours, in milliseconds as in the timeline. */
  node: { started: number; running: number };
  timeline: TimelineEntry[];
}
