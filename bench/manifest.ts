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
    times.nothing.push(timed([empty]).milliseconds);
    times.validate.push(timed(validate).milliseconds);
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
  const runs = Array.from({ length: 5 }, () =>
    timed([join(directory, 'main.mjs'), 'validate', file]),
  );
  const time = median(runs.map((run) => run.milliseconds));
  const memory = Math.max(...runs.map((run) => run.kilobytes)) / 1000;
  console.log(`${count} domains: ${time.toFixed(0)} ms, ${memory.toFixed(0)} MB`);
}

function timed(argv: string[]): { milliseconds: number; kilobytes: number } {
  const report =
    "process.on('exit', () => process.stderr.write('\nrss ' + process.resourceUsage().maxRSS))";
  const hook = `--import=data:text/javascript,${encodeURIComponent(report)}`;
  const started = performance.now();
  const { status, stderr } = spawnSync(process.execPath, [hook, ...argv], { encoding: 'utf8' });
  const milliseconds = performance.now() - started;
  if (status !== 0) throw new Error(`${argv.join(' ')} ended with ${status}: ${stderr}`);
  return { milliseconds, kilobytes: Number(stderr.split('rss ').at(-1)) };
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
  return `version: 1\ndomains:\n${domains.join('\n')}\n`;
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
