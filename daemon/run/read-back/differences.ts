import type {
  CreationOutcome,
  DomainHoldings,
  EventChannel,
  PageGrant,
} from '../../../bindings/holdings.ts';
import { excluding } from '../../../bindings/ranges.ts';
import type { NumberRange } from '../../../domains/settings.ts';

/** How a domain differs from what it should be: it has too much, too little, or something else. */
export type Kind = 'surplus' | 'deficit' | 'other';

export interface Difference {
  kind: Kind;
  /** What it has, lacks, or is, to follow the domain's name. */
  says: string;
}

type Compare<T> = (expected: T, found: T) => Difference[];

/** All differences of what was found from what was expected; none where they are equal. */
export function differencesFrom(expected: DomainHoldings, found: DomainHoldings): Difference[] {
  return compareAll(RULES, expected, found);
}

/** A rule for each thing that is read back: what is added there and not compared does not compile. */
type Rules<T> = { readonly [K in keyof T]-?: Compare<T[K]> };

function compareAll<T>(rules: Rules<T>, expected: T, found: T): Difference[] {
  return (Object.keys(rules) as (keyof T)[]).flatMap((name) =>
    rules[name](expected[name], found[name]),
  );
}

const other = (says: string): Difference => ({ kind: 'other', says });
const surplus = (says: string): Difference => ({ kind: 'surplus', says });
const deficit = (says: string): Difference => ({ kind: 'deficit', says });

const same =
  <T extends string | number | boolean>(what: string): Compare<T> =>
  (expected, found) =>
    expected === found ? [] : [other(`has ${what} ${found}, not ${expected}`)];

const amount =
  (what: string): Compare<number> =>
  (expected, found) => {
    if (expected === found) return [];
    const says = `has ${found} ${what}, not ${expected}`;
    return [found > expected ? surplus(says) : deficit(says)];
  };

const flag =
  (has: string): Compare<boolean> =>
  (expected, found) => {
    if (expected === found) return [];
    return [found ? surplus(`has ${has}`) : deficit(`lacks ${has}`)];
  };

/** Compares two lists by what their items are called. */
const listed =
  <T>(name: (item: T) => string): Compare<readonly T[]> =>
  (expected, found) => {
    const [wanted, there] = [expected.map(name), found.map(name)];
    return [
      ...there.filter((item) => !wanted.includes(item)).map((item) => surplus(`has ${item}`)),
      ...wanted.filter((item) => !there.includes(item)).map((item) => deficit(`lacks ${item}`)),
    ];
  };

const numbers =
  (what: string, radix: 10 | 16): Compare<readonly NumberRange[]> =>
  (expected, found) => {
    const show = (ranges: NumberRange[]) => rangeTexts(ranges, radix).join(', ');
    const [more, less] = [excluding(found, expected), excluding(expected, found)];
    return [
      ...(more.length > 0 ? [surplus(`has the ${what} ${show(more)}`)] : []),
      ...(less.length > 0 ? [deficit(`lacks the ${what} ${show(less)}`)] : []),
    ];
  };

/** Where Xen can't be asked, nothing was found to compare: that is told elsewhere. */
const whereAsked =
  <T>(compare: Compare<T>): Compare<T | undefined> =>
  (expected, found) =>
    expected === undefined || found === undefined ? [] : compare(expected, found);

const each =
  <T>(rules: Rules<T>): Compare<T> =>
  (expected, found) =>
    compareAll(rules, expected, found);

const CREATION: Rules<CreationOutcome> = {
  grantFrames: amount('frames of grants at most'),
  maptrackFrames: amount('frames at most for grants that it maps'),
  eventChannels: amount('as its highest event channel port'),
  emulated: same('emulated devices'),
  nestedHvm: flag('nested virtualization'),
  msrRelaxed: flag('relaxed access to unknown registers of the processor'),
  iommu: flag('the right to devices behind the IOMMU'),
  xenstoreDomain: flag('the rights of a domain that serves xenstore'),
  vpmu: flag('performance counters of the processor'),
  traceBytes: amount('bytes for traces of the processor'),
};

const RULES: Rules<DomainHoldings> = {
  domid: same('the domid'),
  uuid: same('the UUID'),
  seclabel: same('the label'),
  hardwareAssisted: flag('hardware virtualization'),
  paused: (expected, found) => (expected === found ? [] : [other('is not paused')]),
  dying: (expected, found) => (expected === found ? [] : [other('is shut down or dying')]),
  memoryKiB: amount('KiB of memory'),
  maxMemoryKiB: amount('KiB as the limit of its memory'),
  vcpus: amount('vcpus'),
  cpus: listed((cpu) => `CPU ${cpu} to run on`),
  eventChannels: whereAsked(listed(channelText)),
  grants: whereAsked(listed(grantText)),
  permissions: whereAsked(
    each({
      ioports: numbers('I/O ports', 16),
      iomem: numbers('pages of device memory', 16),
      irqs: numbers('interrupts', 10),
      pci: listed((address: string) => `the PCI device ${address}`),
    }),
  ),
  creation: whereAsked(each(CREATION)),
};

function channelText({ port, state, peer }: EventChannel): string {
  const towards =
    peer === undefined ? '' : state === 'waiting' ? ` for domain ${peer}` : ` to domain ${peer}`;
  return `the event channel ${port}, ${state}${towards}`;
}

function grantText({ reference, to, readOnly, frame }: PageGrant): string {
  const how = readOnly ? 'to read' : 'to write';
  return `the grant ${reference} of frame ${frame.toString(16)} to domain ${to}, ${how}`;
}

/** As Xen's console shows ranges: the last one included. */
export function rangeTexts(ranges: readonly NumberRange[], radix: 10 | 16): string[] {
  return ranges.map(({ first, count }) => {
    const [start, last] = [first.toString(radix), (first + count - 1).toString(radix)];
    return count === 1 ? start : `${start}-${last}`;
  });
}
