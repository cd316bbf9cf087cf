/**
 * Fuzzes the manifest loader: `node test/fuzz/main.ts [minutes] [seed]`. Ends with 1 at the first text that does not
 * end as it must, after writing it to a file, and when memory passes 300 MB.
 */
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { corpus, fuzzOnce } from './manifest-fuzzer.ts';
import { Random } from './random.ts';

const MAXIMUM_RSS = 300e6;
const MAXIMUM_MILLISECONDS = 5000;

const minutes = Number(process.argv[2] ?? 10);
const seed = Number(process.argv[3] ?? Date.now() % 2 ** 32);
const examples = corpus();
const until = performance.now() + minutes * 60_000;
const totals = { texts: 0, accepted: 0, slowest: 0, rss: 0 };

console.log(`fuzzing for ${minutes} min, seed ${seed}, ${examples.length} examples`);
for (let run = 0; performance.now() < until; run++) {
  // Each text has its own seed, so that one that fails can be made again alone.
  const random = new Random(seed + run);
  try {
    const { text, accepted, milliseconds } = fuzzOnce(examples, random);
    totals.texts += 1;
    totals.accepted += accepted ? 1 : 0;
    totals.slowest = Math.max(totals.slowest, milliseconds);
    if (run % 100 === 0) totals.rss = Math.max(totals.rss, process.memoryUsage.rss());
    if (milliseconds > MAXIMUM_MILLISECONDS) fail(run, `${milliseconds} ms`, text);
    if (totals.rss > MAXIMUM_RSS) fail(run, `${totals.rss} bytes of memory`, text);
  } catch (error) {
    fail(run, error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
}
console.log(
  `${totals.texts} texts, ${totals.accepted} accepted, slowest ${totals.slowest.toFixed(0)} ms, ` +
    `${(totals.rss / 1e6).toFixed(0)} MB at most`,
);

function fail(run: number, why: string, text?: string): never {
  console.error(`seed ${seed + run}: ${why}`);
  if (text !== undefined) {
    const file = join(tmpdir(), `fuzz-${seed + run}.yaml`);
    writeFileSync(file, text);
    console.error(`the text is in ${file}`);
  }
  process.exit(1);
}
