import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { buildBootImage } from '../images/domb.ts';
import { collectAnswers } from '../machine/answers.ts';
import { bootDomainMiB, bootManifest } from '../machine/boot-manifest.ts';
import type { Machine } from '../machine/machine.ts';
import { followBoot } from './boot-stages.ts';
import { type Check, type Evidence, handedOverRecord, judge } from './judge.ts';
import { finder, platformParts } from './parts.ts';
import { predictedPcr } from './prediction.ts';
import { Progress } from './progress.ts';
import { bootDomainTimes } from './timeline.ts';

/** The domid that Xen's boot-domain series reserves (platform/hypervisor). */
const bootDomid = 0x7fef;
const root = join(import.meta.dirname, '../..');
const manifestFile = resolve(process.argv[2] ?? join(root, 'boot-configs/demo.yaml'));
const output = join(root, 'out/demo');

async function main(): Promise<boolean> {
  const progress = new Progress();
  progress.heading('Building what is missing');
  const parts = await platformParts(progress.phase);
  const manifestBytes = await readFile(manifestFile);
  const findImage = finder(parts.images);
  const { manifest, initramfs } = await progress.phase("domB's boot image", () =>
    buildBootImage(manifestBytes, manifestFile, findImage),
  );
  const predicted = await progress.phase('the PCR values to expect', () =>
    predictedPcr(manifest, manifestBytes, findImage),
  );

  progress.heading('Booting the virtual platform (QEMU, Xen, swtpm)');
  const machine = await bootManifest({ directory: output, parts, initramfs });
  try {
    await followBoot(machine.console, progress.phase);
    return await report(machine, progress, { manifest, predicted });
  } finally {
    await machine.stop();
  }
}

async function report(
  machine: Machine,
  progress: Progress,
  expected: Pick<Evidence, 'manifest' | 'predicted'>,
): Promise<boolean> {
  const answers = await collectAnswers(machine.serial, 30_000);
  const { lines } = machine.console;
  const consoleText = lines.map((line) => line.text).join('\n');
  const checks = judge({ ...expected, bootDomid, bootDomainMiB, consoleText, answers });
  const record = handedOverRecord(answers);
  const times = bootDomainTimes(lines, record);
  const ok = checks.every((check) => check.ok);

  const log = Buffer.from(answers.get('log')?.output ?? '', 'base64');
  const result = { ok, manifest: manifestFile, checks, domains: record.domains, bootDomain: times };
  const timeline = { host: progress.phases, bootDomain: { ...times, steps: record.timeline } };
  await mkdir(output, { recursive: true });
  await writeFile(join(output, 'measurement.log'), log);
  await writeFile(join(output, 'timeline.json'), `${JSON.stringify(timeline, null, 2)}\n`);
  await writeFile(join(output, 'result.json'), `${JSON.stringify(result, null, 2)}\n`);
  await writeFile(join(output, 'xl-list.txt'), answers.get('xl-list')?.output ?? '');

  print(progress, checks, times, answers.get('xl-list')?.output ?? '');
  progress.heading(ok ? '\nThe platform is up and the evidence verifies.' : '\nThe demo FAILED.');
  progress.heading('Files: out/demo/{console.log,measurement.log,timeline.json,result.json}');
  return ok;
}

function print(
  progress: Progress,
  checks: readonly Check[],
  times: ReturnType<typeof bootDomainTimes>,
  listing: string,
): void {
  const seconds = (milliseconds: number) => `${(milliseconds / 1000).toFixed(2)} s`;
  progress.heading('\nWhat came up (xl list -Z in dom0)');
  progress.heading(listing.trimEnd().replace(/^/gm, '  '));
  progress.heading('\nWhat was compared');
  for (const { ok, name, detail } of checks) {
    progress.heading(`  ${ok ? 'ok    ' : 'FAILED'} ${name}: ${detail}`);
  }
  progress.heading(`\ndomB, init to halt: ${seconds(times.initToHalt)}`);
  progress.heading(
    `  Node start ${seconds(times.nodeStart)}, measuring ${seconds(times.measuring)}, ` +
      `building ${seconds(times.building)}, hand-over ${seconds(times.handOver)}, ` +
      `other ${seconds(times.other)}`,
  );
}

try {
  process.exitCode = (await main()) ? 0 : 1;
} catch (error) {
  console.error(`\nThe demo FAILED.\n${error instanceof Error ? error.message : error}`);
  console.error('Console: out/demo/console.log');
  process.exitCode = 1;
}
