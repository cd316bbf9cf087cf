import type { SchemaProblem } from './schema/problems.ts';
import type { Located } from './yaml/located-tree.ts';

/** Versions of the manifest format that this program reads. */
const knownVersions: readonly unknown[] = [1];

/**
 * A manifest of another version is not looked into: its properties have meanings that are unknown here. A version
 * that is missing or no number is left to the schema.
 */
export function versionProblem(root: Located): SchemaProblem | undefined {
  const version = root.members.get('version')?.value;
  if (typeof version !== 'number' || knownVersions.includes(version)) return undefined;
  return {
    path: ['version'],
    atKey: false,
    rule: 'unknown-version',
    message: `this program does not read manifests of version ${version}`,
    hint: `write the manifest in version ${knownVersions.at(-1)}, or use a newer domb`,
    covers: [],
  };
}
