import type { ImageItem } from '../events.ts';
import type { ItemResult } from '../evidence/compare.ts';
import type { Verdict } from '../evidence/verdict.ts';
import { type Appraisal, vectorOf } from './appraise.ts';
import { type Marks, whenOpen } from './claims-of-checks.ts';
import { type TrustTier, tierOfVector, VALUE } from './trust-claims.ts';

/** What is known of one domain. */
interface Known {
  marks: Marks[number][];
  annotations: Record<string, unknown>;
}

/**
 * The appraisals of the domains by name: those that were measured, and those that should have been. Empty where quote or log
 * are not true, as nothing is known of any domain then. `platform` is their hardware: none of them is better than it.
 */
export function appraiseDomains(verdict: Verdict, platform: Appraisal): Map<string, Appraisal> {
  const domains = new Map<string, Known>();
  const known = (name: string): Known => {
    const of = domains.get(name) ?? {
      marks: [['hardware', hardwareOf[platform.status]]],
      annotations: { measured: false },
    };
    domains.set(name, of);
    return of;
  };
  addMeasured(verdict, known);
  for (const result of verdict.compared ?? []) addCompared(result, known);
  return new Map(
    [...domains].map(([name, { marks, annotations }]) => {
      const vector = vectorOf(marks);
      return [name, { status: tierOfVector(vector), vector, annotations }];
    }),
  );
}

function addMeasured(
  { events = [], bootEvents = [], boot, compared }: Verdict,
  known: (name: string) => Known,
): void {
  for (const event of events) {
    if (event.event !== 'domain') continue;
    const { domain, domid, type, seclabel, role, unmeasured = [] } = event;
    const of = known(domain);
    // What nobody measured may be anything.
    if (unmeasured.length > 0) of.marks.push(['executables', VALUE.UNRECOGNIZED]);
    if (compared === undefined) of.marks.push(...whenOpen.items);
    of.annotations = { domid, type, seclabel, ...(role ? { role } : {}), unmeasured };
  }
  for (const event of [...events, ...bootEvents]) {
    if (event.event === 'identity') known(event.domain).annotations.uuid = event.uuid;
    if (event.event === 'image') known(event.domain).annotations[partOf(event)] = event.digests;
  }
  for (const { domain, why } of boot?.missing ?? []) {
    known(domain).marks.push(...whenOpen.domains);
    known(domain).annotations.missing = why;
  }
}

function partOf({ component, segment }: ImageItem): string {
  return segment === undefined ? component : `${component}[${segment}]`;
}

/** What a domain is asked for is its configuration, what it is built from its executables. */
function addCompared({ item, problems }: ItemResult, known: (name: string) => Known): void {
  const right = problems.length === 0;
  if (item?.event === 'domain') {
    const value = right ? VALUE.APPROVED : VALUE.CONTRAINDICATED;
    known(item.domain).marks.push(['configuration', value]);
  } else if (item?.event === 'image') {
    const value = right ? VALUE.APPROVED_AT_BOOT : VALUE.CONTRAINDICATED;
    known(item.domain).marks.push(['executables', value]);
  }
}

/** What the platform is to a domain on it. */
const hardwareOf: Readonly<Record<TrustTier, number>> = {
  none: VALUE.OWN_WARNING,
  affirming: VALUE.GENUINE,
  warning: VALUE.OWN_WARNING,
  contraindicated: VALUE.CONTRAINDICATED,
};
