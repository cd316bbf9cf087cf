import * as generated1 from '../generated/validate-manifest-1.ts';
import * as generated2 from '../generated/validate-manifest-2.ts';
import type { SchemaProblem, SchemaValidator } from '../schema/problems.ts';
import type { Located } from '../yaml/located-tree.ts';
import { fromVersion1 } from './from-version-1.ts';
import type { StepUp } from './step-up.ts';

/** One version of the manifest format. */
export interface Version extends SchemaValidator {
  number: number;
  /** Makes a document of the next version; the newest has none. */
  stepUp?: StepUp;
}

/** Versions that this program reads, ascending without gaps. */
export const versions: readonly Version[] = [
  version(1, generated1, fromVersion1),
  version(2, generated2),
];

function version(
  number: number,
  generated: { validator(): SchemaValidator['validate']; shapes(): SchemaValidator['shapes'] },
  stepUp?: StepUp,
): Version {
  let validate: SchemaValidator['validate'] | undefined;
  let shapes: SchemaValidator['shapes'] | undefined;
  return {
    number,
    get validate() {
      validate ??= generated.validator();
      return validate;
    },
    get shapes() {
      shapes ??= generated.shapes();
      return shapes;
    },
    ...(stepUp === undefined ? {} : { stepUp }),
  };
}

export const newest = versions.at(-1) as Version;

/**
 * The version that a document is written in. One that is missing or no number is left to the newest schema; undefined for
 * one that this program does not know.
 */
export function versionOf(root: Located): Version | undefined {
  const version = root.members.get('version')?.value;
  return typeof version === 'number' ? versions.find(({ number }) => number === version) : newest;
}

/** A manifest of an unknown version is not looked into: its properties have meanings that are unknown here. */
export function unknownVersion(root: Located): SchemaProblem {
  const known = versions.map(({ number }) => number);
  return {
    path: ['version'],
    atKey: false,
    rule: 'unknown-version',
    message: `this program does not read manifests of version ${root.members.get('version')?.value}`,
    hint: `write the manifest in version ${newest.number}, or use a newer domb; known are ${known.join(' and ')}`,
    covers: [],
  };
}
