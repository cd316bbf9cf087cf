/**
 * Fuzzes the manifest loader: `node test/fuzz/main.ts [minutes] [seed]`. Ends with 1 at the first text that does not
 * end as it must or takes too long (the error names its seed), and when memory runs out.
 */
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isMainThread, Worker } from 'node:worker_threads';
import { corpus, fuzzOnce } from './manifest-fuzzer.ts';
import { Random } from './random.ts';

const MAXIMUM_MILLISECONDS = 5000;
/** Together with Node itself, less than 300 MB. A worker that needs more ends with ERR_WORKER_OUT_OF_MEMORY. */
const resourceLimits = { maxOldGenerationSizeMb: 176, maxYoungGenerationSizeMb: 24 };

if (isMainThread) {
  const argv = process.argv.slice(2);
  const worker = new Worker(new URL(import.meta.url), { argv, resourceLimits });
  worker.on('error', (error) => {
    console.error(error);
    process.exitCode = 1;
  });
  worker.on('exit', (code) => {
    process.exitCode ||= code;
  });
} else {
  fuzz(Number(process.argv[2] ?? 10), Number(process.argv[3] ?? Date.now() % 2 ** 32));
}

function fuzz(minutes: number, seed: number): void {
  const examples = corpus();
  const until = performance.now() + minutes * 60_000;
  const totals = { texts: 0, accepted: 0, rss: 0 };
  let slowest = { milliseconds: 0, seed };
  console.log(`fuzzing for ${minutes} min, seed ${seed}, ${examples.length} examples`);
  for (let run = 0; performance.now() < until; run++) {
    // Each text has its own seed, so that one that fails can be made again alone.
    try {
      const { text, accepted, milliseconds } = fuzzOnce(examples, new Random(seed + run));
      totals.texts += 1;
      totals.accepted += accepted ? 1 : 0;
      if (milliseconds > slowest.milliseconds) slowest = { milliseconds, seed: seed + run };
      if (run % 100 === 0) totals.rss = Math.max(totals.rss, process.memoryUsage.rss());
      if (milliseconds > MAXIMUM_MILLISECONDS) {
        const file = join(tmpdir(), `fuzz-${seed + run}.yaml`);
        writeFileSync(file, text);
        throw new Error(`${milliseconds.toFixed(0)} ms for the text in ${file}`);
      }
    } catch (error) {
      throw new Error(`seed ${seed + run} fails`, { cause: error });
    }
  }
  console.log(
    `${totals.texts} texts, ${totals.accepted} accepted, slowest ${slowest.milliseconds.toFixed(0)} ms ` +
      `(seed ${slowest.seed}), ${(totals.rss / 1e6).toFixed(0)} MB at most`,
  );
}
