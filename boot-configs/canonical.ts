import { canonicalJson } from '../measurement/canonical-json.ts';
import type { Manifest } from './manifest.ts';

/**
 * The effective configuration as one line of JSON with sorted keys, in ASCII. Equal configurations give equal text
 * however their manifests are written, and nothing that differs from boot to boot is in it: this is what a
 * measurement of the configuration is taken over.
 */
export function canonicalConfiguration(manifest: Manifest): string {
  return canonicalJson(manifest);
}
