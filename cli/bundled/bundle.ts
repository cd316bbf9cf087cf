import { readFileSync, statSync } from 'node:fs';

/** `validate` of files has a bundle of its own: `validate.ts`. */
export type BundleName = 'validate' | 'all';

/** Where a bundle lies in the directory of bundles. */
export function bundleFile(name: BundleName): string {
  return `domb-${name}.cjs`;
}

/** Variable of the environment: bundles are started as they are, by the program that makes them. */
export const AS_BUILT = 'DOMB_AS_BUILT';

/** Bundles are functions, with a comment in JSON on the first line. */
export const OPENING = '(function(require,exports,module){//';
export const CLOSING = '\n})';

/** What the first line of a bundle says. */
export interface BundleHeader {
  /** Digest of the code. */
  id: string;
  /** The source tree that it was made from. */
  root: string;
  /** Its sources, as paths from the root, each with the time of its last change in milliseconds and its size. */
  inputs: [path: string, modified: number, size: number][];
}

export interface Bundle extends BundleHeader {
  file: string;
  /** Plain ASCII. */
  code: string;
}

/** Reads a bundle in `directory`; undefined when there is none that can be used. */
export function readBundle(directory: string, name: BundleName): Bundle | undefined {
  const file = `${directory}/${bundleFile(name)}`;
  try {
    const code = readFileSync(file, 'latin1');
    const header = JSON.parse(code.slice(OPENING.length, code.indexOf('\n'))) as BundleHeader;
    return { ...header, file, code };
  } catch {
    return undefined;
  }
}

/** True while no source has changed since the bundle was made. */
export function isFresh({ root, inputs }: BundleHeader): boolean {
  return inputs.every(([path, modified, size]) => {
    const now = statSync(`${root}/${path}`, { throwIfNoEntry: false });
    return now?.mtimeMs === modified && now.size === size;
  });
}
