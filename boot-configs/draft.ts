import type { DomainDocument, ManifestDocument, ScriptDocument } from './generated/manifest.ts';
import { type Path, pointer } from './path.ts';

/**
 * A manifest while it is checked: everything may be missing, and what was refused before is missing. So the checks
 * see well-formed values only and need not repeat what the schema said.
 */
export interface Draft {
  pcr: number | undefined;
  bootPcr: number | undefined;
  timeout: string | undefined;
  onFailure: string | undefined;
  iommu: string | undefined;
  handoverDirectory: string | undefined;
  vtpmState: { approver?: string; label?: string } | undefined;
  domains: DraftDomain[];
  scripts: DraftScript[];
  /** True when the list of domains or a whole domain was refused: there may be more domains than these. */
  incomplete: boolean;
}

export interface DraftDomain extends Partial<DomainDocument> {
  path: Path;
  /** True when the property or a part of it was refused: what is missing then proves nothing. */
  refused(property: keyof DomainDocument): boolean;
}

export interface DraftScript extends Partial<ScriptDocument> {
  path: Path;
}

/** Whether it is the hardware domain, or meant to be one in its place. */
export function isHardware({ capabilities }: DraftDomain): boolean {
  return capabilities?.includes('hardware') ?? false;
}

/** Whether it has xenstore; undefined where what it says was refused. */
export function hasXenstore({ xenstore, refused }: DraftDomain): boolean | undefined {
  return xenstore ?? (refused('xenstore') ? undefined : false);
}

/** `bad` holds the pointers of all values that were refused. */
export function draftOf(document: unknown, bad: ReadonlySet<string>): Draft {
  // Nearly every manifest has nothing refused in it.
  const whole = bad.size === 0 ? document : prune(document, '', bad);
  const root = whole as Partial<ManifestDocument> | undefined;
  // Pointers of the domains' properties that have something refused in them: /domains/<index>/<property>
  const touched = new Set([...bad].map((at) => at.split('/', 4).join('/')));
  const listed = root?.domains ?? [];
  const domains = listed.flatMap((domain: DomainDocument | undefined, index) => {
    const path: Path = ['domains', index];
    const refused = (property: string): boolean =>
      touched.size > 0 && touched.has(pointer([...path, property]));
    return domain === undefined ? [] : [{ ...domain, path, refused }];
  });
  return {
    pcr: root?.platform?.measurement?.pcr,
    bootPcr: root?.platform?.measurement?.boot_pcr,
    timeout: root?.platform?.timeout,
    onFailure: root?.platform?.on_failure,
    iommu: root?.platform?.iommu,
    handoverDirectory: root?.platform?.handover?.directory,
    vtpmState: root?.platform?.vtpm_state,
    domains,
    scripts: (root?.scripts ?? []).flatMap((script: ScriptDocument | undefined, index) =>
      script === undefined ? [] : [{ ...script, path: ['scripts', index] }],
    ),
    incomplete: domains.length === 0 || domains.length < listed.length,
  };
}

/** A copy without the refused values. In lists they become undefined, so that indexes stay. */
function prune(value: unknown, at: string, bad: ReadonlySet<string>): unknown {
  if (bad.has(at)) return undefined;
  if (Array.isArray(value)) return value.map((item, index) => prune(item, `${at}/${index}`, bad));
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.create(null) as Record<string, unknown>;
  for (const [key, child] of Object.entries(value)) {
    const left = prune(child, `${at}${pointer([key])}`, bad);
    if (left !== undefined) kept[key] = left;
  }
  return kept;
}
