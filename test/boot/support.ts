import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { after, afterEach, beforeEach } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isMap, isSeq, parseDocument } from 'yaml';
import { allSubjects, type SubjectName } from '../../platform/demo/judge.ts';
import type { Parts, ReportWork } from '../../platform/demo/parts.ts';
import {
  type PlatformRun,
  type PlatformRunOptions,
  runPlatform,
} from '../../platform/demo/platform-run.ts';
import { type BootOptions, bootManifest } from '../../platform/machine/boot-manifest.ts';
import type { VirtualMachine } from '../../platform/machine/machine.ts';
import { costed } from '../runner/costs.ts';
import { despiteEmulator } from './emulator-fault.ts';

const root = join(import.meta.dirname, '../..');
const quiet: ReportWork = (_what, work) => work();

/** The test that runs; empty in the hooks of a suite. */
let running = '';
beforeEach((t) => {
  running = t.name;
});
afterEach(() => {
  running = '';
});

export { parts } from './parts.ts';

/** Where a test's machine leaves its console and logs. */
export const outputDirectory = (name: string) => join(root, 'out/test', name);

/** One of the manifests in boot-configs/, as text. */
export const exampleManifest = (name: string) =>
  readFile(join(root, 'boot-configs', `${name}.yaml`), 'utf8');

let scratch: Promise<string> | undefined;
after(async () => {
  if (scratch) await rm(await scratch, { recursive: true });
});

/** Writes a file that is there for as long as the tests of this file run, and gives its path. */
export async function temporaryFile(name: string, bytes: Uint8Array): Promise<string> {
  scratch ??= mkdtemp(join(tmpdir(), 'domb-boot-'));
  // Each in a directory of its own: two tests may have files of one name.
  const directory = await mkdtemp(join(await scratch, 'file-'));
  await writeFile(join(directory, name), bytes);
  return join(directory, name);
}

/**
 * What is judged of a boot where nothing else is said: all but what dom0 does with guests of its own. That takes as long as
 * everything else, and has tests of its own.
 */
const usual: SubjectName[] = allSubjects.filter((name) => !name.startsWith('guest'));

/**
 * The manifest, with the pvh and hvm domains on the second processor, where the emulation is safe for them
 * (platform/machine/machine.ts). One without such domains stays as it is.
 */
export function onSecondProcessor(manifest: string): string {
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
export function boot(
  name: string,
  manifest: string,
  options: Partial<PlatformRunOptions> & { parts: Parts },
): Promise<PlatformRun> {
  return counted(name, () =>
    despiteEmulator(name, (watch) =>
      runPlatform({
        manifestBytes: Buffer.from(onSecondProcessor(manifest)),
        source: `${name}.yaml`,
        directory: outputDirectory(name),
        report: quiet,
        judged: usual,
        ...options,
        started(machine) {
          watch(machine);
          options.started?.(machine);
        },
      }),
    ),
  );
}

/** Starts a machine, which is stopped when `look` is done. */
export function withMachine<T>(
  name: string,
  options: Omit<BootOptions, 'directory'>,
  look: (machine: VirtualMachine) => Promise<T>,
): Promise<T> {
  return counted(name, async () => {
    const machine = await bootManifest({ directory: outputDirectory(name), ...options });
    try {
      return await look(machine);
    } finally {
      await machine.stop();
    }
  });
}

/** Waits for the end of a machine that said that it ends. */
export async function ending({ console, ended }: VirtualMachine): Promise<void> {
  const patience = 60_000;
  const timer = new AbortController();
  await Promise.race([
    ended,
    sleep(patience, undefined, { signal: timer.signal }).then(() => {
      throw new Error(`the machine did not end within ${patience / 1000} s. ${console.tail()}`);
    }),
  ]).finally(() => timer.abort());
}

/** Has the table at the end of the run say what a boot cost. */
export function counted<T>(name: string, work: () => Promise<T>): Promise<T> {
  const file = relative(root, process.argv[1] ?? '');
  return costed({ boot: name, file, test: running }, work);
}

/** What was judged of a run and does not hold, as text; empty when all does. */
export const failedChecks = (run: PlatformRun, except: readonly string[] = []): string[] =>
  run.checks
    .filter(({ ok, name }) => !ok && !except.includes(name))
    .map(({ name, detail }) => `${name}: ${detail}`);

/** A shell command for dom0: what `xl console` shows of a domain until it says `sign`. It goes on until somebody ends it, also without input. */
export const consoleUntil = (domain: string, sign: string): string => `
sleep 60 | timeout 60 xl console ${domain} >/run/console 2>&1 &
until grep -q '${sign}' /run/console || [ $((tries += 1)) -gt 100 ]; do sleep 0.5; done
kill $!
cat /run/console`;
