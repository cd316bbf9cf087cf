/**
 * Every property that a domain can have, each with its module. A key of the schema that is missing here does not compile, nor
 * does a part of the effective configuration or of what the hypervisor takes that no property gives.
 */
import type { DomainProperties } from '../../domains/settings.ts';
import type { Check } from '../checks/check.ts';
import type { DomainDocument } from '../generated/manifest.ts';
import type { DomainSettings } from '../manifest.ts';
import { afterProperty } from './after.ts';
import { autostartProperty } from './autostart.ts';
import { capabilitiesProperty } from './capabilities.ts';
import { channelsProperty } from './channels.ts';
import { cmdlineProperty } from './cmdline.ts';
import { cpuidProperty, msrRelaxedProperty } from './cpuid.ts';
import { cpusProperty } from './cpus.ts';
import { criticalProperty } from './critical.ts';
import { iomemProperty, ioportsProperty, irqsProperty } from './devices.ts';
import { diskProperty } from './disk.ts';
import { domidProperty } from './domid.ts';
import { onCrashProperty, onPoweroffProperty, onRebootProperty } from './ends.ts';
import { digestsProperty, kernelProperty, ramdiskProperty } from './images.ts';
import {
  maxEventChannelsProperty,
  maxGrantFramesProperty,
  maxMaptrackFramesProperty,
} from './limits.ts';
import { measurementProperty } from './measurement.ts';
import { maxmemProperty, memoryProperty } from './memory.ts';
import { nameProperty } from './name.ts';
import { nestedhvmProperty } from './nestedhvm.ts';
import { onFailureProperty } from './on-failure.ts';
import { pciProperty } from './pci.ts';
import type { CompleteDomain, DetailedStep, Details, Property, Showing } from './property.ts';
import { recoveryProperty } from './recovery.ts';
import { seclabelProperty } from './seclabel.ts';
import { typeProperty } from './type.ts';
import { uuidProperty } from './uuid.ts';
import { maxvcpusProperty, vcpusProperty } from './vcpus.ts';
import { vifProperty } from './vif.ts';
import { vtpmProperty } from './vtpm.ts';
import { vtpmPersistentProperty } from './vtpm-persistent.ts';
import { consoleProperty, xenstoreProperty } from './xenstore.ts';

/** In the order in which `domb plan` shows them. */
export const properties = {
  name: nameProperty,
  domid: domidProperty,
  type: typeProperty,
  memory: memoryProperty,
  maxmem: maxmemProperty,
  vcpus: vcpusProperty,
  maxvcpus: maxvcpusProperty,
  cpuid: cpuidProperty,
  nestedhvm: nestedhvmProperty,
  msr_relaxed: msrRelaxedProperty,
  cpus: cpusProperty,
  kernel: kernelProperty,
  ramdisk: ramdiskProperty,
  cmdline: cmdlineProperty,
  seclabel: seclabelProperty,
  uuid: uuidProperty,
  capabilities: capabilitiesProperty,
  max_grant_frames: maxGrantFramesProperty,
  max_maptrack_frames: maxMaptrackFramesProperty,
  max_event_channels: maxEventChannelsProperty,
  ioports: ioportsProperty,
  iomem: iomemProperty,
  irqs: irqsProperty,
  pci: pciProperty,
  xenstore: xenstoreProperty,
  console: consoleProperty,
  disk: diskProperty,
  vif: vifProperty,
  channels: channelsProperty,
  vtpm: vtpmProperty,
  vtpm_persistent: vtpmPersistentProperty,
  digests: digestsProperty,
  measurement: measurementProperty,
  autostart: autostartProperty,
  critical: criticalProperty,
  on_failure: onFailureProperty,
  on_poweroff: onPoweroffProperty,
  on_reboot: onRebootProperty,
  on_crash: onCrashProperty,
  recovery: recoveryProperty,
  after: afterProperty,
} as const satisfies { [K in keyof Required<DomainDocument>]: Property<object, object> };

type Properties = typeof properties;
export type PropertyKey = keyof Properties;

/** What all properties together give by one of their functions: `{ a } & { b } & …`. */
type Joined<F extends 'read' | 'asks'> = {
  [K in PropertyKey]: (part: ReturnType<Properties[K][F]>) => void;
}[PropertyKey] extends (whole: infer Whole) => void
  ? Whole
  : never;

/** Whether two types are the same. */
export type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;

// Nothing is given that nobody takes, and nothing optional is left out.
true satisfies Same<keyof Joined<'read'>, keyof DomainSettings>;
true satisfies Same<keyof Joined<'asks'>, keyof DomainProperties>;

const table: readonly Property<object, object>[] = Object.values(properties);

/** Every rule about properties of domains, once each. */
export const propertyChecks: readonly Check[] = [...new Set(table.flatMap(({ checks }) => checks))];

/** The settings of a domain of a document without problems. `platformPcr` is the register of the platform. */
export function domainSettings(domain: CompleteDomain, platformPcr: number): DomainSettings {
  return join(table.map(({ read }) => read(domain, platformPcr))) as Joined<'read'>;
}

/** What the hypervisor is asked for, for a domain of the manifest; the boot adds the UUID. */
export function domainProperties(domain: DomainSettings): DomainProperties {
  return join(table.map(({ asks }) => asks(domain))) as Joined<'asks'>;
}

/** What `domb plan` shows of a domain with one of the steps that are for it. */
export function shownWith(step: DetailedStep, domain: DomainSettings, showing: Showing): Details {
  const shown = table.map((each) => each.shown);
  return join(
    shown.map((how) => (how !== 'steps' && how.with === step ? how.details(domain, showing) : {})),
  ) as Details;
}

/** Properties that a boot script may change. */
export type ChangeableKey = {
  [K in PropertyKey]: Properties[K]['changeable'] extends true ? K : never;
}[PropertyKey];

export const changeableKeys = (Object.keys(properties) as PropertyKey[]).filter(
  (key): key is ChangeableKey => properties[key].changeable,
);

/** Puts parts together; objects that several give parts of, such as `limits`, are one. */
function join(parts: readonly object[]): object {
  const whole: Record<string, unknown> = {};
  for (const [key, value] of parts.flatMap((part) => Object.entries(part))) {
    const there = whole[key];
    whole[key] = isMapping(there) && isMapping(value) ? { ...there, ...value } : value;
  }
  return whole;
}

function isMapping(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
