import assert from 'node:assert/strict';
import { loadManifest } from '../../../boot-configs/load.ts';
import type { Manifest } from '../../../boot-configs/manifest.ts';
import { ManifestError } from '../../../boot-configs/problems.ts';

/** A hardware domain without faults, as an item of `domains`. */
export const dom0 = `
  - name: dom0
    domid: 0
    type: pv
    memory: 512MiB
    kernel: vmlinux
    seclabel: system_u:system_r:dom0_t
    capabilities: [control, hardware, xenstore]`;

/** A guest without faults, as an item of `domains`; `more` are further lines or replace the ones with the same key. */
export function guest(more: Record<string, string> = {}): string {
  const lines = {
    name: 'guest',
    domid: '1',
    type: 'pv',
    memory: '128MiB',
    kernel: 'vmlinux',
    seclabel: 'system_u:system_r:domU_t',
    ...more,
  };
  const [first, ...others] = Object.entries(lines).map(([key, value]) => `${key}: ${value}`);
  return `\n  - ${first}${others.map((line) => `\n    ${line}`).join('')}`;
}

export function manifest(domains: string, before = ''): string {
  return `version: 2\n${before}domains:${domains}\n`;
}

export function load(text: string): Manifest {
  return loadManifest(Buffer.from(text), 'test.yaml');
}

/** The error that `text` must end in. */
export function refused(text: string | Uint8Array): ManifestError {
  try {
    loadManifest(Buffer.from(text), 'test.yaml');
  } catch (error) {
    assert.ok(error instanceof ManifestError, `not a ManifestError: ${String(error)}`);
    return error;
  }
  assert.fail('the manifest was accepted');
}

/** What was found, as `line:col rule path`. */
export function found(text: string | Uint8Array): string[] {
  return refused(text).problems.map(({ line, col, rule, path }) =>
    `${line}:${col} ${rule} ${path}`.trimEnd(),
  );
}
