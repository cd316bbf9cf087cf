import type { DraftDomain } from '../draft.ts';
import type { DomainDocument } from '../generated/manifest.ts';
import type { Path } from '../path.ts';

/**
 * Calls `found` for every domain whose key an earlier domain has too, with the path of the property and words for
 * the earlier domain. An undefined key is no duplicate of anything.
 */
export function reportDuplicates(
  domains: readonly DraftDomain[],
  property: keyof DomainDocument,
  keyOf: (domain: DraftDomain) => string | number | undefined,
  found: (domain: DraftDomain, path: Path, first: string) => void,
): void {
  const firsts = new Map<string | number, DraftDomain>();
  for (const domain of domains) {
    const key = keyOf(domain);
    if (key === undefined) continue;
    const first = firsts.get(key);
    if (first === undefined) firsts.set(key, domain);
    else found(domain, [...domain.path, property], describe(first));
  }
}

function describe(domain: DraftDomain): string {
  return domain.name === undefined
    ? `the domain number ${Number(domain.path[1]) + 1}`
    : `domain "${domain.name}"`;
}
