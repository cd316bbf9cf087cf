import type { Manifest } from './manifest.ts';

/**
 * The effective configuration as one line of JSON with sorted keys, in ASCII. Equal configurations give equal text
 * however their manifests are written, and nothing that differs from boot to boot is in it: this is what a
 * measurement of the configuration is taken over.
 */
export function canonicalConfiguration(manifest: Manifest): string {
  return JSON.stringify(sorted(manifest)).replace(
    /[^ -~]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, member]) => [key, sorted(member)]),
  );
}
