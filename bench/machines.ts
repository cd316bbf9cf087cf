import { readFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { platformParts } from '../platform/demo/parts.ts';
import { runPlatform } from '../platform/demo/platform-run.ts';

/**
 * Whether two virtual machines side by side pay: boots one example, alone and then two at once, and prints how long it took to
 * the last answer and how busy the processors were, on a machine that does nothing else. Usage: node bench/machines.ts [EXAMPLE]
 */
const root = join(import.meta.dirname, '..');
const example = process.argv[2] ?? 'minimal';
const quiet = <T>(_what: string, work: () => Promise<T>) => work();
const parts = await platformParts(quiet);
const manifestBytes = await readFile(join(root, 'boot-configs', `${example}.yaml`));

/** Milliseconds that all processors together have been busy, and have been. */
function processorTime(): { busy: number; all: number } {
  const times = cpus().map(({ times }) => times);
  const all = times.flatMap(Object.values<number>).reduce((sum, time) => sum + time, 0);
  return { busy: all - times.reduce((sum, { idle }) => sum + idle, 0), all };
}

for (const machines of [1, 2, 1, 2]) {
  const begin = performance.now();
  const before = processorTime();
  await Promise.all(
    Array.from({ length: machines }, (_, index) =>
      runPlatform({
        ...{ manifestBytes, source: `${example}.yaml`, parts, report: quiet },
        directory: join(root, 'out/bench', `machine-${index}`),
        judged: ['domains', 'services', 'predicted'],
      }),
    ),
  );
  const seconds = (performance.now() - begin) / 1000;
  const after = processorTime();
  const busy = ((after.busy - before.busy) / (after.all - before.all)) * 100;
  const each = (seconds / machines).toFixed(1);
  const total = seconds.toFixed(1);
  console.log(
    `${machines} at once: ${total} s, ${each} s each; processors busy ${busy.toFixed(0)} %`,
  );
}
