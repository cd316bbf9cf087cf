import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isMap, isSeq, parseDocument } from 'yaml';
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

/**
 * The manifest, with the pvh and hvm domains on the second processor, where the emulation is safe for them
 * (platform/machine/machine.ts). One without such domains stays as it is.
 */
function onSecondProcessor(manifest: string): string {
  const document = parseDocument(manifest);
  const preset = document.getIn(['defaults', 'type']);
  const domains = document.get('domains');
  const virtualized = (isSeq(domains) ? domains.items : [])
    .filter((domain) => isMap(domain))
    .filter((domain) => /^(pvh|hvm)$/.test(String(domain.get('type') ?? preset)));
  for (const domain of virtualized) domain.set('cpus', 1);
  return virtualized.length === 0 ? manifest : String(document);
}

/** Boots a manifest that must succeed. */
export async function boot(
  name: string,
  manifest: string,
  options: Partial<PlatformRunOptions> & { parts: Parts },
): Promise<PlatformRun> {
  return runPlatform({
    manifestBytes: Buffer.from(onSecondProcessor(manifest)),
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
