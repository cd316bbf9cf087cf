/**
 * Measures hashing and prediction side by side with openssl: `node bench/measurement.ts` on a machine that does nothing else. Our
 * programs run bundled, as dom0 gets them; type stripping is for work on the tree. Each
 * result stands beside what it has to be.
 */
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { contentDigests } from '../measurement/content.ts';
import type * as HashFiles from '../measurement/hash-files.ts';
import { bundleCommand } from '../platform/images/bundle-command.ts';
import { runProgram } from '../platform/lib/run.ts';
import { elf, pvNotes } from '../test/unit/boot-configs/elf-builder.ts';
import { judge, race } from './contest.ts';

const FILE_SIZE = 1024 * 1024 * 1024;

const directory = await mkdtemp(join(tmpdir(), 'domb-bench-'));
try {
  await bundle();
  const images = [join(directory, 'one'), join(directory, 'two')];
  for (const image of images) await fill(image);
  await hashing(images);
  await predicting(images);
} finally {
  await rm(directory, { recursive: true });
}

async function hashing([one = '', two = '']: string[]): Promise<void> {
  const { hashFiles }: typeof HashFiles = await import(join(directory, 'hash-files.mjs'));
  const digest = (path: string) => runProgram('openssl', ['dgst', '-sha256', path]);
  console.log(
    `SHA-256 of files of ${FILE_SIZE / 2 ** 20} MiB in the page cache, one and two cores`,
  );
  const times = await race({
    'openssl dgst, one file': () => digest(one),
    'hashFiles, one file': () => hashFiles([one]),
    'two openssl dgst at a time': () => Promise.all([digest(one), digest(two)]),
    'hashFiles, two files': () => hashFiles([one, two]),
  });
  for (const [name, time] of times) {
    const files = name.includes('two') ? 2 : 1;
    console.log(`  ${name.padEnd(28)} ${((files * FILE_SIZE) / time / 1e6).toFixed(2)} GB/s`);
  }
  const time = (name: string) => times.get(name) ?? Number.NaN;
  const openssl = time('openssl dgst, one file');
  const oneCore = openssl / time('hashFiles, one file');
  const twoCores = (2 * openssl) / time('hashFiles, two files');
  const together = time('two openssl dgst at a time') / time('hashFiles, two files');
  judge('one core, times openssl dgst', oneCore.toFixed(2), 'at least 1', oneCore >= 1);
  judge(
    'two cores, times openssl dgst on one',
    twoCores.toFixed(2),
    'at least 1.9',
    twoCores >= 1.9,
  );
  judge('two cores, times two openssl dgst', together.toFixed(2), 'at least 1', together >= 1);
  const bytes = Buffer.alloc(64 * 2 ** 20, 1);
  const memory = (await race({ memory: () => contentDigests(bytes) })).get('memory') ?? Number.NaN;
  console.log(`  in memory, as domB does      ${(bytes.length / memory / 1e6).toFixed(2)} GB/s`);
}

/** The whole command, as users see it: time and the largest resident set of any of its processes. */
async function predicting(images: readonly string[]): Promise<void> {
  const manifest = join(directory, 'p.yaml');
  await writeFile(join(directory, 'vmlinux'), elf({ notes: pvNotes }));
  await writeFile(manifest, platform(images.length));
  const argv = [
    join(directory, 'main.mjs'),
    'predict',
    manifest,
    '--no-policy',
    '--images',
    directory,
  ];
  const { stdout, stderr, status } = spawnSync('/usr/bin/time', [
    '-f',
    '%e %M',
    process.execPath,
    ...argv,
  ]);
  if (status !== 0) throw new Error(`domb predict ended with ${status}: ${stderr}`);
  const [seconds, kibibytes] = String(stderr).trim().split('\n').at(-1)?.split(' ') ?? [];
  const gigabytes = (images.length * FILE_SIZE) / 1e9;
  const lines = String(stdout).split('\n').length;
  const mebibytes = Number(kibibytes) / 1024;
  console.log(
    `domb predict with ${gigabytes.toFixed(2)} GB of images: ${seconds} s, ${lines} lines`,
  );
  judge('largest process, MiB resident', mebibytes.toFixed(1), 'less than 64', mebibytes < 64);
}

async function bundle(): Promise<void> {
  const source = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));
  for (const [name, contents] of await bundleCommand()) {
    await mkdir(dirname(join(directory, name)), { recursive: true });
    await writeFile(join(directory, name), contents);
  }
  await build({
    entryPoints: {
      'hash-files': source('measurement/hash-files.ts'),
      'hash-share': source('measurement/hash-share.ts'),
    },
    outdir: directory,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    minify: true,
    format: 'esm',
    platform: 'node',
    logLevel: 'error',
  });
}

async function fill(path: string): Promise<void> {
  const file = await open(path, 'w');
  for (let done = 0; done < FILE_SIZE; done += 2 ** 20) {
    await file.write(Buffer.alloc(2 ** 20, `${path} ${done}`));
  }
  await file.close();
}

function platform(count: number): string {
  const ramdisks = ['one', 'two'].slice(0, count);
  const domains = ramdisks.map(
    (ramdisk, i) => `  - name: ${ramdisk}
    domid: ${i}
    type: pv
    memory: 2GiB
    vcpus: 1
    kernel: vmlinux
    ramdisk: ${ramdisk}
    seclabel: system_u:system_r:dom0_t
${i === 0 ? '    capabilities: [control, hardware, xenstore]\n' : ''}`,
  );
  return `version: 2\ndomains:\n${domains.join('')}`;
}
