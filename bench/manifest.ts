/**
 * Times `domb validate` against an empty Node start, and the loader against the number of domains. Run it with
 * `node bench/manifest.ts` on a machine that does nothing else.
 */
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const RUNS = 21;
const root = fileURLToPath(new URL('..', import.meta.url));
const directory = await mkdtemp(join(tmpdir(), 'domb-bench-'));

try {
  // As a package would ship it; type stripping is for work on the tree.
  await build({
    entryPoints: [join(root, 'cli/main.ts')],
    outdir: directory,
    outExtension: { '.js': '.mjs' },
    alias: { yaml: join(root, 'node_modules/yaml/browser/dist/index.js') },
    bundle: true,
    splitting: true,
    minify: true,
    format: 'esm',
    platform: 'node',
    logLevel: 'error',
  });
  const empty = join(directory, 'empty.mjs');
  await writeFile(empty, '');
  await startTimes(empty);
  for (const count of [1, 10, 100, 1000]) await loadTime(count);
} finally {
  await rm(directory, { recursive: true });
}

async function startTimes(empty: string): Promise<void> {
  const validate = [join(directory, 'main.mjs'), 'validate', join(root, 'boot-configs/demo.yaml')];
  const times: { nothing: number[]; validate: number[] } = { nothing: [], validate: [] };
  // In turns, so that whatever else the machine does meets both.
  for (let run = 0; run < RUNS; run++) {
    times.nothing.push(timed([empty]));
    times.validate.push(timed(validate));
  }
  const nothing = median(times.nothing);
  const validated = median(times.validate);
  console.log(
    `empty start ${nothing.toFixed(0)} ms, validate demo.yaml ${validated.toFixed(0)} ms: ` +
      `${(validated / nothing).toFixed(2)} times, medians of ${RUNS}`,
  );
}

async function loadTime(count: number): Promise<void> {
  const file = join(directory, `${count}.yaml`);
  await writeFile(file, manifest(count));
  const argv = [join(directory, 'main.mjs'), 'validate', file];
  const time = median(Array.from({ length: 5 }, () => timed(argv)));
  const memory = memoryOf(argv) / 1000;
  console.log(`${count} domains: ${time.toFixed(0)} ms, ${memory.toFixed(0)} MB`);
}

/** Milliseconds that Node runs with these arguments. */
function timed(argv: string[]): number {
  const started = performance.now();
  start(argv);
  return performance.now() - started;
}

/** The most memory that Node held while it ran with these arguments, in kilobytes. */
function memoryOf(argv: string[]): number {
  const atExit = 'process.on("exit", () => console.error("rss", process.resourceUsage().maxRSS))';
  const hook = `--import=data:text/javascript,${encodeURIComponent(atExit)}`;
  return Number(
    start([hook, ...argv])
      .split('rss ')
      .at(-1),
  );
}

/** Runs Node and returns what it wrote to standard error. */
function start(argv: string[]): string {
  const { status, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${argv.join(' ')} ended with ${status}: ${stderr}`);
  return stderr;
}

function manifest(count: number): string {
  const domains = Array.from({ length: count }, (_, index) =>
    [
      `  - name: domain-${index}`,
      `    domid: ${index}`,
      '    type: pv',
      '    memory: 128MiB',
      '    vcpus: 2',
      '    kernel: vmlinux',
      `    ramdisk: guests/${index}.cpio.zst`,
      `    cmdline: console=hvc0 root=/dev/ram0 id=${index}`,
      '    seclabel: system_u:system_r:domU_t',
      index === 0
        ? '    capabilities: [control, hardware, xenstore]'
        : `    after: [domain-${index - 1}]`,
    ].join('\n'),
  );
  return `version: 2\ndomains:\n${domains.join('\n')}\n`;
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
