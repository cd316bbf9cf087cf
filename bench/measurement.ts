/** Measures hashing and log verification side by side with openssl and tpm2_eventlog: `node bench/measurement.ts`. */
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HashAlgorithm } from 'node-tpm2-pts';
import { contentDigests, imageItem } from '../measurement/content.ts';
import { encodeCap, encodeItem, type Target } from '../measurement/encode.ts';
import { encodeEvent, encodeHeader } from '../measurement/event-log/write.ts';
import { readMeasurementLog } from '../measurement/evidence/read-log.ts';
import { hashFile } from '../measurement/hash-file.ts';
import { pcrValues } from '../measurement/predict.ts';
import { run } from '../platform/lib/run.ts';

const ROUNDS = 5;
const FILE_SIZE = 512 * 1024 * 1024;
const EVENTS = 10_000;
const BANKS: HashAlgorithm[] = ['sha1', 'sha256', 'sha384', 'sha512'];

/** The shortest of some rounds, in milliseconds; the contestants take turns, so that both see the same machine. */
async function race(contestants: Record<string, () => Promise<unknown> | unknown>) {
  const best = new Map<string, number>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, contestant] of Object.entries(contestants)) {
      const start = performance.now();
      await contestant();
      best.set(
        name,
        Math.min(best.get(name) ?? Number.POSITIVE_INFINITY, performance.now() - start),
      );
    }
  }
  return best;
}

const directory = await mkdtemp(join(tmpdir(), 'domb-bench-'));
try {
  const image = join(directory, 'image');
  const file = await open(image, 'w');
  for (let done = 0; done < FILE_SIZE; done += 2 ** 20)
    await file.write(Buffer.alloc(2 ** 20, done));
  await file.close();

  console.log(`SHA-256 of a file of ${FILE_SIZE / 2 ** 20} MiB in the page cache`);
  const before = process.memoryUsage.rss();
  const streamed = await race({
    'openssl dgst': () => run('openssl', ['dgst', '-sha256', image]),
    hashFile: () => hashFile(image),
  });
  report(streamed, FILE_SIZE);
  console.log(`  memory: ${((process.memoryUsage.rss() - before) / 2 ** 20).toFixed(0)} MiB more`);

  console.log('SHA-256 of 64 MiB in memory');
  const bytes = Buffer.alloc(64 * 2 ** 20, 1);
  report(await race({ contentDigests: () => contentDigests(bytes) }), bytes.length);

  const target: Target = { pcr: 13, banks: BANKS };
  const records = Array.from({ length: EVENTS }, (_, i) =>
    encodeItem(imageItem(`domain-${i}`, 'kernel', Buffer.from(String(i))), i, target),
  );
  const log = Buffer.concat([
    encodeHeader(BANKS),
    ...[...records, encodeCap(target)].map(encodeEvent),
  ]);
  const path = join(directory, 'log');
  await writeFile(path, log);
  console.log(`A log of ${EVENTS} events in ${BANKS.length} banks, ${log.length} bytes`);
  const judged = await race({
    tpm2_eventlog: () => run('tpm2_eventlog', [path]),
    'parse, check, replay': () => pcrValues(readMeasurementLog(log).records, target),
  });
  for (const [name, time] of judged) console.log(`  ${name.padEnd(22)} ${time.toFixed(0)} ms`);
} finally {
  await rm(directory, { recursive: true });
}

function report(times: ReadonlyMap<string, number>, size: number): void {
  for (const [name, time] of times) {
    console.log(`  ${name.padEnd(22)} ${(size / time / 1e6).toFixed(2)} GB/s`);
  }
}
