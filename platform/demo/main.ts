import { readFile, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { platformParts } from './parts.ts';
import { type PlatformRun, runPlatform } from './platform-run.ts';
import { Progress } from './progress.ts';

const root = join(import.meta.dirname, '../..');
const directory = join(root, 'out/demo');
const source = resolve(process.argv[2] ?? join(root, 'boot-configs/demo.yaml'));

async function main(): Promise<boolean> {
  const progress = new Progress();
  const manifestBytes = await readFile(source);
  progress.heading('Building what is missing');
  const parts = await platformParts(progress.phase);
  progress.heading(`Booting ${relative(root, source)} on the virtual platform (QEMU, Xen, swtpm)`);
  const report = progress.phase;
  const run = await runPlatform({ manifestBytes, source, parts, directory, report });
  const ok = run.checks.every((check) => check.ok);
  await writeResults(run, progress, ok);
  progress.heading(summary(run));
  progress.heading(
    ok
      ? 'The platform came up and the evidence verifies.'
      : 'The demo FAILED: see the lines above.',
  );
  progress.heading('Files: out/demo/{console.log,measurement.log,timeline.json,result.json}');
  return ok;
}

async function writeResults(run: PlatformRun, progress: Progress, ok: boolean): Promise<void> {
  const { checks, record, times } = run;
  const result = { ok, manifest: source, checks, domains: record.domains, bootDomain: times };
  const timeline = { host: progress.phases, bootDomain: { ...times, steps: record.timeline } };
  await writeFile(join(directory, 'timeline.json'), `${JSON.stringify(timeline, null, 2)}\n`);
  await writeFile(join(directory, 'result.json'), `${JSON.stringify(result, null, 2)}\n`);
}

function summary({ answers, checks, times }: PlatformRun): string {
  const seconds = (milliseconds: number) => `${(milliseconds / 1000).toFixed(2)} s`;
  const listing = (answers.get('xl-list')?.output ?? '').trimEnd().replace(/^/gm, '  ');
  const compared = checks.map(
    ({ ok, name, detail }) => `  ${ok ? 'ok    ' : 'FAILED'} ${name}: ${detail}`,
  );
  return `
What came up (xl list -Z in dom0)
${listing}

What was compared
${compared.join('\n')}

domB, init to halt: ${seconds(times.initToHalt)}
  Node start ${seconds(times.nodeStart)}, measuring ${seconds(times.measuring)}, building ${seconds(times.building)}, \
hand-over ${seconds(times.handOver)}, other ${seconds(times.other)}
`;
}

try {
  process.exitCode = (await main()) ? 0 : 1;
} catch (error) {
  console.error(`\nThe demo FAILED.\n${error instanceof Error ? error.message : error}`);
  console.error('Console: out/demo/console.log');
  process.exitCode = 1;
}
