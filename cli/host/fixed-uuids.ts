import { readFileSync } from 'node:fs';
import { allDomains } from '../../boot-configs/all-domains.ts';
import { loadManifest } from '../../boot-configs/load.ts';

/** Names of the domains whose UUID a manifest fixes; none where it is not there, or is none. */
export function fixedUuids(file: string): string[] {
  try {
    return allDomains(loadManifest(readFileSync(file), file)).flatMap(({ name, uuid }) =>
      uuid === undefined ? [] : [name],
    );
  } catch {
    return [];
  }
}
