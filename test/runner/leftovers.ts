import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDirectory } from '../../platform/lib/cache.ts';

/** An artefact of platform/lib/cache.ts: its name, and the key that it has for what it is made from. */
const artefact = /^[\w-]+\/[0-9a-f]{16}$/;
/** The bundles of bin/domb, by the place of the checkout. */
const bundle = /^command\//;
/** platform/setup/prepare.sh keeps the time of its last look at Debian's lists there. */
const stamp = /^apt-lists-refreshed$/;

/** What the user's cache holds: files, and directories down to those of artefacts. */
export async function cacheEntries(directory = cacheDirectory): Promise<Set<string>> {
  const names = new Set<string>();
  for (const entry of await readdir(directory, { withFileTypes: true }).catch(() => [])) {
    if (!entry.isDirectory()) names.add(entry.name);
    else
      for (const name of await readdir(join(directory, entry.name)))
        names.add(`${entry.name}/${name}`);
  }
  return names;
}

/** What a run has put into the cache and is no artefact: nobody would ever use it again, or know whose it is. */
export function leftovers(before: ReadonlySet<string>, after: ReadonlySet<string>): string[] {
  return [...after].filter(
    (name) => !before.has(name) && ![artefact, bundle, stamp].some((known) => known.test(name)),
  );
}
