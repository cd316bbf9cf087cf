import { parse } from 'yaml';
import { loadManifest } from './load.ts';
import type { Manifest } from './manifest.ts';
import { decode } from './yaml/source-bytes.ts';

/** Properties of one domain, spelled as in a manifest, that take the place of what the manifest says. */
export interface DomainRevision {
  domain: string;
  properties: Readonly<Record<string, unknown>>;
}

/**
 * A manifest with such changes, later ones over earlier ones, checked as if it had been written like that.
 * @param bytes a manifest without mistakes
 * @throws {ManifestError} whose paths are right, while its lines are those of no file
 */
export function revise(
  bytes: Uint8Array,
  source: string,
  revisions: readonly DomainRevision[],
): Manifest {
  // The limits for aliases were kept when the manifest was loaded. They are resolved here, so that a change reaches one domain only.
  const document = parse(decode(bytes, source), { maxAliasCount: -1 }) as {
    domains: { name: string }[];
  };
  for (const { domain, properties } of revisions) {
    const index = document.domains.findIndex(({ name }) => name === domain);
    const own = document.domains[index];
    if (own === undefined) throw new Error(`${source} has no domain ${domain}`);
    document.domains[index] = { ...own, ...properties };
  }
  // JSON is YAML.
  return loadManifest(Buffer.from(JSON.stringify(document, null, 1)), source);
}
