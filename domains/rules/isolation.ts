/**
 * What Xen's command line takes away from the isolation of domains (docs/misc/xen-command-line.pandoc). What it sets itself
 * matters here, not what a processor or machine lacks: of that Xen says nothing.
 */
import { flagIn, isFalse, isTrue, valuesOf } from '../xen-option-values.ts';
import type { Fault } from './rule.ts';

/** The options with which devices reach nothing but their own domain's memory. */
export const CONFINING_OPTIONS = 'dom0-iommu=strict,no-map-reserved';

interface Rule {
  option: string;
  /** Whether these values, in the order of the command line, undo something. */
  undoes(values: readonly string[]): boolean;
  /** What it undoes, as it continues the name of the option. */
  what: string;
}

/** The last one counts. */
const last = (values: readonly string[]): string | undefined => values.at(-1);
const switchedOff = (values: readonly string[]): boolean => isFalse(last(values) ?? 'yes');
const switchedOn = (values: readonly string[]): boolean =>
  values.length > 0 && !switchedOff(values);
/** One item of all the lists says no, for all domains or for some. */
const anyOff = (values: readonly string[]): boolean =>
  values
    .flatMap((value) => value.split(','))
    .some((item) => isFalse(item) || item.startsWith('no-') || isFalse(item.split('=')[1] ?? ''));

/** What no boot goes on with. */
const rules: readonly Rule[] = [
  {
    option: 'flask',
    undoes: (values) => (last(values) ?? 'enforcing') !== 'enforcing',
    what: 'leaves the FLASK policy without force',
  },
  {
    option: 'xsm',
    undoes: (values) => (last(values) ?? 'flask') !== 'flask',
    what: 'takes another security module than FLASK, to which labels mean nothing',
  },
  { option: 'pv-l1tf', undoes: anyOff, what: "lets pv domains read others' memory (L1TF)" },
  { option: 'xpti', undoes: anyOff, what: "lets pv domains read others' memory (Meltdown)" },
  {
    option: 'spec-ctrl',
    // Its lists have items that say no to one measure of several.
    undoes: (values) => values.some((value) => value.split(',').some(isFalse)),
    what: "lets domains read others' memory by speculation",
  },
  { option: 'smep', undoes: switchedOff, what: "lets Xen run code in a domain's memory" },
  { option: 'smap', undoes: switchedOff, what: "lets Xen follow pointers into a domain's memory" },
  {
    option: 'bootscrub',
    undoes: switchedOff,
    what: 'gives domains memory with what was in it before the reset',
  },
  {
    option: 'hvm_fep',
    undoes: switchedOn,
    what: "opens Xen's whole instruction emulator to guests",
  },
  { option: 'gdb', undoes: (values) => values.length > 0, what: 'has a debugger control Xen' },
];

/** Bytes of its command line that Xen keeps, and tells (xen_commandline_t). */
const KEPT = 1023;

const cutOff: Fault = {
  message: `Xen tells ${KEPT} bytes of its command line, and there may be more of it`,
  hint: "shorten Xen's command line",
};

/** What is wrong with a command line, whatever the manifest says. */
export function isolationFaults(commandLine: string): Fault[] {
  const unknown = commandLine.length >= KEPT ? [cutOff] : [];
  const undone = rules.flatMap(({ option, undoes, what }) =>
    undoes(valuesOf(commandLine, option))
      ? [{ message: `Xen's option ${option} ${what}`, hint: takeOff(option) }]
      : [],
  );
  return [...unknown, ...undone];
}

/**
 * Why a Xen with this command line would not confine devices to their domain's memory, where there is an IOMMU. As in Xen,
 * each part of an option takes back what came before it (parse_iommu_param and parse_dom0_iommu_param, iommu.c).
 */
export function confinementFaults(commandLine: string): Fault[] {
  const iommu = valuesOf(commandLine, 'iommu').flatMap((value) => value.split(','));
  const dom0 = valuesOf(commandLine, 'dom0-iommu').flatMap((value) => value.split(','));
  const general = (name: string) => flagIn(iommu, name);
  const hardware = (name: string) => flagIn(dom0, name);
  const found: [wrong: boolean, option: string, what: string][] = [
    [iommuOff(iommu), 'iommu', 'switches the IOMMU off'],
    [general('intremap') === false, 'iommu=no-intremap', 'lets devices send any interrupt'],
    [dom0.includes('none'), 'dom0-iommu=none', "leaves dom0's devices without translation"],
    [
      hardware('map-inclusive') ?? switchedOn(valuesOf(commandLine, 'iommu_inclusive_mapping')),
      'map-inclusive',
      "lets dom0's devices reach all memory below 4 GiB",
    ],
    [
      switchedOn(valuesOf(commandLine, 'ats')),
      'ats',
      'lets devices say that their addresses are translated already',
    ],
  ];
  const faults = found
    .filter(([wrong]) => wrong)
    .map(([, option, what]) => ({
      message: `Xen's option ${option} ${what}`,
      hint: takeOff(option),
    }));
  // Where both are set, Xen takes strict over passthrough.
  if (!(hardware('strict') ?? general('dom0-strict') ?? false)) {
    faults.push(missing("dom0's devices reach all memory without dom0-iommu=strict"));
  }
  if (hardware('map-reserved') !== false) {
    faults.push(
      missing(
        "dom0's devices reach reserved memory, such as firmware's code that Xen calls, without dom0-iommu=no-map-reserved",
      ),
    );
  }
  return faults;
}

/** Of its parts that say yes or no, the last one counts. */
const iommuOff = (parts: readonly string[]): boolean =>
  parts
    .map((part) => (isFalse(part) ? true : isTrue(part) ? false : undefined))
    .findLast((off) => off !== undefined) ?? false;

const takeOff = (option: string) => `take ${option} off Xen's command line`;

const missing = (message: string): Fault => ({
  message,
  hint: `put ${CONFINING_OPTIONS} on Xen's command line, as "domb image --efi" does`,
});
