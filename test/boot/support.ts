import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Parts, platformParts, type Report } from '../../platform/demo/parts.ts';
import {
  type PlatformRun,
  type PlatformRunOptions,
  runPlatform,
} from '../../platform/demo/platform-run.ts';

const root = join(import.meta.dirname, '../..');
const quiet: Report = (_what, work) => work();

/** Everything the platform is made of; the first caller builds it. */
export const parts = (bootDomain = true): Promise<Parts> => platformParts(quiet, bootDomain);

/** Where a test's machine leaves its console and logs. */
export const outputDirectory = (name: string) => join(root, 'out/test', name);

/** One of the manifests in boot-configs/, as text. */
export const exampleManifest = (name: string) =>
  readFile(join(root, 'boot-configs', `${name}.yaml`), 'utf8');

/** Boots a manifest that must succeed. */
export async function boot(
  name: string,
  manifest: string,
  options: Partial<PlatformRunOptions> & { parts: Parts },
): Promise<PlatformRun> {
  return runPlatform({
    manifestBytes: Buffer.from(manifest),
    source: `${name}.yaml`,
    directory: outputDirectory(name),
    report: quiet,
    ...options,
  });
}

/** The checks of a run that failed, as text; empty when all held. */
export const failedChecks = (run: PlatformRun, except: readonly string[] = []): string[] =>
  run.checks
    .filter(({ ok, name }) => !ok && !except.includes(name))
    .map(({ name, detail }) => `${name}: ${detail}`);
