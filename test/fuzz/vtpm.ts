/**
 * Fuzzes what the vTPM back end and the introduction take from guests, xenstore and records:
 * `node test/fuzz/vtpm.ts ring|store|record [minutes] [seed]`. Ends with 1 at the first run that breaks what must hold; the
 * error names its seed.
 */
import { backendRing } from '../lib/backend-ring.ts';
import { Random } from './random.ts';
import { fuzzRecord, fuzzRing, fuzzStore } from './vtpm-fuzzer.ts';

const ring = await backendRing();
const fuzzers: Readonly<Record<string, (random: Random) => void | Promise<void>>> = {
  ring: (random) => fuzzRing(random, ring),
  store: fuzzStore,
  record: fuzzRecord,
};

const [name = '', minutes = '10', first = String(Date.now() % 2 ** 32)] = process.argv.slice(2);
const fuzzer = fuzzers[name];
if (fuzzer === undefined) throw new Error(`name one of ${Object.keys(fuzzers).join(', ')}`);
const until = performance.now() + Number(minutes) * 60_000;
let run = 0;
for (; performance.now() < until; run++) {
  const seed = Number(first) + run;
  try {
    await fuzzer(new Random(seed));
  } catch (error) {
    throw new Error(`seed ${seed} fails`, { cause: error });
  }
}
console.log(`${name}: ${run} runs from seed ${first} in ${minutes} min`);
