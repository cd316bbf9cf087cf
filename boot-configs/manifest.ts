import type { Check } from './checks/check.ts';
import { checks } from './checks/index.ts';
import { type Place, ProblemCollector } from './collector.ts';
import { applyDefaults } from './defaults.ts';
import { draftOf } from './draft.ts';
import { effectiveManifest } from './effective.ts';
import type { ManifestDocument } from './generated/manifest.ts';
import { formatPath, type Path, pointer } from './path.ts';
import { type SchemaProblem, schemaProblems } from './schema/problems.ts';
import { newest, unknownVersion, type Version, versionOf, versions } from './versions/versions.ts';
import { composeDocument } from './yaml/document.ts';
import { type Located, locate } from './yaml/located-tree.ts';
import { decode } from './yaml/source-bytes.ts';
import { SourceText } from './yaml/source-text.ts';

export { canonicalConfiguration } from './canonical.ts';
export { formatProblems, ManifestError, type Problem } from './problems.ts';

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

export type ScriptPoint = 'before_planning' | 'after_create' | 'before_start' | 'after_start';

export interface PlatformSettings {
  onFailure: FailureAction;
  /** What the boot may take; without it any time. */
  timeoutSeconds?: number;
  /**
   * TPM registers, 8 to 15: `pcr` takes what can be predicted from the manifest and the images, `bootPcr` what differs at
   * each boot. `banks` must be active, sorted.
   */
  measurement: { pcr: number; bootPcr: number; banks: string[] };
  handover: {
    /** Absolute path in the initramfs of who takes over. */
    directory: string;
  };
}

export interface DomainSettings {
  name: string;
  domid: number;
  type: 'pv' | 'pvh' | 'hvm';
  /** Lower case. Without it the domain gets a fresh random one at each boot. */
  uuid?: string;
  /** Whole MiB. */
  memoryKiB: number;
  /** What it may balloon up to; not less than `memoryKiB`. */
  maxMemoryKiB: number;
  /** That run from the start. */
  vcpus: number;
  /** That it can have; not less than `vcpus`. */
  maxVcpus: number;
  /** Differences from what Xen shows a domain of its type, sorted by name. */
  cpuid: CpuFeature[];
  nestedHvm: boolean;
  msrRelaxed: boolean;
  /** Physical CPUs that it may run on, ascending. Without it: all. */
  cpus?: number[];
  /** Path relative to the image directory, without `..`. */
  kernel: string;
  /** The segments of its ramdisk, as such paths, in their order; empty for none. */
  ramdisk: string[];
  /** Printable ASCII. */
  cmdline: string;
  seclabel: string;
  /** Sorted. */
  capabilities: Capability[];
  /** Where one is absent, the hypervisor's own holds. */
  limits: DomainLimits;
  devices: DomainDevices;
  /** PCI devices that domain 0 attaches to it, as `0000:00:05.0`, ascending. */
  pci: string[];
  /** Whether it can be introduced to the xenstore that domain 0 serves. */
  xenstore: boolean;
  /** Whether domain 0 serves its console; then `xenstore` too. */
  console: boolean;
  /** Name of the domain that serves its TPM; both have `xenstore`. */
  vtpm?: string;
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
  /** What ends the boot when a step of this domain fails; without it, what the platform says. */
  onFailure?: FailureAction;
}

export interface CpuFeature {
  /** As in xen/arch-x86/cpufeatureset.h, in lower case with `-` for `_`. */
  name: string;
  /** Shown or hidden; `host` for what the machine has. */
  value: boolean | 'host';
}

/** What the domain alone may use of the machine; ascending. */
export interface DomainDevices {
  ioports: NumberRange[];
  /** Machine frames of 4 KiB. */
  iomem: NumberRange[];
  /** ISA interrupts. */
  irqs: number[];
}

export interface NumberRange {
  first: number;
  count: number;
}

export interface DomainLimits {
  /** Pages of its grant table. */
  grantFrames?: number;
  /** Pages that track the foreign grants it has mapped. */
  maptrackFrames?: number;
  /** The highest port number. */
  eventChannels?: number;
}

/** What a domain is started from: two files and a text. */
export type ImageComponent = 'kernel' | 'ramdisk' | 'cmdline';

export type Capability = 'control' | 'hardware' | 'xenstore';

/**
 * Reads a manifest. `source` is the name that messages give the file. `more` are checks beyond those that every
 * manifest must pass, such as those of the images.
 * Throws a {@link ManifestError} that carries every problem found.
 */
export function loadManifest(
  bytes: Uint8Array,
  source: string,
  more: readonly Check[] = [],
): Manifest {
  const text = new SourceText(source, decode(bytes, source));
  const problems = new ProblemCollector(text);
  const document = composeDocument(text, problems);
  problems.throwIfAny();
  if (document?.contents == null) throw new Error('a manifest without problems has no contents');

  // What is refused once, with everything in it, is not looked at again.
  const bad = new Set<string>();
  const root = locate(document.contents, problems, (path) => bad.add(pointer(path)));
  if (root !== undefined) {
    checkDocument(root, problems, bad, [...checks, ...more]);
  }
  problems.throwIfAny();
  return effectiveManifest(root?.value as ManifestDocument);
}

function checkDocument(
  root: Located,
  problems: ProblemCollector,
  bad: Set<string>,
  rules: readonly Check[],
): void {
  const version = versionOf(root);
  if (version === undefined) {
    addProblem(root, problems, unknownVersion(root));
    return;
  }
  applyDefaults(root, version);
  const draft = draftOf(root.value, bringUp(root, version, problems, bad));
  for (const { rule, run } of rules) {
    run(draft, (path, message, hint) =>
      addProblem(root, problems, { path, atKey: false, rule, message, hint }),
    );
  }
}

/**
 * Checks a document against the schema of its version and makes it one of the newest. `bad` holds the pointers of what
 * was refused before; returns those of all that is refused, as they are in the newest version.
 */
function bringUp(
  root: Located,
  own: Version,
  problems: ProblemCollector,
  bad: ReadonlySet<string>,
): Set<string> {
  let refused = new Set(bad);
  for (const version of versions.slice(versions.indexOf(own))) {
    // What its own version refuses, the next would refuse in other words.
    if (version === own || refused.size === 0) {
      for (const problem of schemaProblems(root.value, version, newest)) {
        const at = pointer(problem.path);
        if (refused.has(at)) continue;
        for (const path of [problem.path, ...problem.covers]) refused.add(pointer(path));
        addProblem(root, problems, problem);
      }
    }
    if (version.stepUp === undefined) break;
    version.stepUp.translate(root);
    refused = new Set([...refused].map(version.stepUp.pointer));
  }
  return refused;
}

function addProblem(
  root: Located,
  problems: ProblemCollector,
  { path, atKey, rule, message, hint }: Omit<SchemaProblem, 'covers'>,
): void {
  const { place, written } = find(root, path, atKey);
  problems.add(place, { path: formatPath(written), rule, message, hint });
}

/**
 * The place of the value or key at `path`, or of the nearest thing around it that is there, and the path as the file
 * spells it.
 */
function find(root: Located, path: Path, atKey: boolean): { place: Place; written: Path } {
  const written = [...path];
  let at = root;
  for (const [index, step] of path.entries()) {
    const member = at.members.get(step);
    if (member === undefined) return { place: at.key ?? at.place, written };
    written[index] = member.written ?? step;
    at = member;
  }
  return { place: atKey && at.key !== undefined ? at.key : at.place, written };
}
