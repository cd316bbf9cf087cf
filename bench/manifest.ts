/**
 * Times `bin/domb validate` against an empty Node start, and against the number of domains. Run it with
 * `node bench/manifest.ts`, best on a machine that does nothing else.
 */
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const RUNS = 41;
/** Issue of the manifest: times of an empty start; milliseconds for 1,000 domains. */
const TARGET_RATIO = 1.5;
const TARGET_MILLISECONDS = 500;

const root = fileURLToPath(new URL('..', import.meta.url));
const domb = join(root, 'bin/domb');
const directory = await mkdtemp(join(tmpdir(), 'domb-bench-'));

try {
  // The first run makes the bundle.
  start([domb, '--version']);
  await startTimes();
  await loadTimes([1, 10, 100, 1000]);
} finally {
  await rm(directory, { recursive: true });
}

async function startTimes(): Promise<void> {
  const empty = join(directory, 'empty.mjs');
  await writeFile(empty, '');
  const nothing: number[] = [];
  const validate: number[] = [];
  // In turns, so that whatever else the machine does meets both.
  for (let run = 0; run < RUNS; run++) {
    nothing.push(timed([process.execPath, empty]));
    validate.push(timed([domb, 'validate', join(root, 'boot-configs/demo.yaml')]));
  }
  const ratio = median(validate) / median(nothing);
  const least = Math.min(...validate) / Math.min(...nothing);
  console.log(
    `empty start ${median(nothing).toFixed(0)} ms, validate demo.yaml ${median(validate).toFixed(0)} ms: ` +
      `${ratio.toFixed(2)} times (medians of ${RUNS}), ${least.toFixed(2)} times (the fastest of each); ` +
      `target ${TARGET_RATIO}: ${verdict(ratio <= TARGET_RATIO)}`,
  );
}

async function loadTimes(counts: number[]): Promise<void> {
  let time = 0;
  for (const count of counts) {
    const file = join(directory, `${count}.yaml`);
    await writeFile(file, manifest(count));
    const argv = [domb, 'validate', file];
    time = median(Array.from({ length: 9 }, () => timed(argv)));
    console.log(`${count} domains: ${time.toFixed(0)} ms, ${memoryOf(argv).toFixed(0)} MB`);
  }
  console.log(
    `target for ${counts.at(-1)} domains ${TARGET_MILLISECONDS} ms: ${verdict(time < TARGET_MILLISECONDS)}`,
  );
}

function verdict(reached: boolean): string {
  return reached ? 'reached' : 'missed';
}

/** Milliseconds that a program runs. */
function timed(argv: string[]): number {
  const started = performance.now();
  start(argv);
  return performance.now() - started;
}

/** The most memory that Node held while it ran this program, in MB. */
function memoryOf(argv: string[]): number {
  const atExit = 'process.on("exit", () => console.error("rss", process.resourceUsage().maxRSS))';
  const hook = `--import=data:text/javascript,${encodeURIComponent(atExit)}`;
  return Number(start(argv, { NODE_OPTIONS: hook }).split('rss ').at(-1)) / 1000;
}

/** Runs a program and returns what it wrote to standard error. */
function start([program = '', ...argv]: string[], env: NodeJS.ProcessEnv = {}): string {
  const options = { encoding: 'utf8', env: { ...process.env, ...env } } as const;
  const { status, stderr } = spawnSync(program, argv, options);
  if (status !== 0) throw new Error(`${program} ${argv.join(' ')} ended with ${status}: ${stderr}`);
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
