/**
 * Measures `domb log` side by side with tpm2_eventlog, and its memory with a long log: `node bench/logs.ts` on a machine that does
 * nothing else. It runs bundled, as dom0 gets it. Each result stands beside what it has to be.
 */
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HashAlgorithm } from 'node-tpm2-pts';
import { encodeCap, encodeItem, type Target } from '../measurement/encode.ts';
import { encodeEvent, encodeHeader } from '../measurement/event-log/write.ts';
import { bundleCommand } from '../platform/images/bundle-command.ts';
import { runProgram } from '../platform/lib/run.ts';
import { imageItem } from '../test/lib/items.ts';
import { judge, race } from './contest.ts';

const banks: HashAlgorithm[] = ['sha1', 'sha256', 'sha384', 'sha512'];
const target: Target = { pcr: 13, banks };

/** How many times as long as tpm2_eventlog it may take, by the number of events. */
const goals: readonly (readonly [events: number, times: number])[] = [
  [1_000, 1.5],
  [10_000, 1],
];
const LONG = 100_000;
/** MB, of 10^6 bytes: the largest resident set. */
const MOST_MEMORY = 150;

const directory = await mkdtemp(join(tmpdir(), 'domb-bench-'));
try {
  for (const [name, contents] of await bundleCommand()) {
    if (!name.includes('/')) await writeFile(join(directory, name), contents);
  }
  for (const [events, times] of goals) await compare(events, times);
  await memory();
} finally {
  await rm(directory, { recursive: true });
}

async function compare(events: number, goal: number): Promise<void> {
  const path = await writeLog(events);
  const times = await race({
    'tpm2_eventlog, printing': () => runProgram('tpm2_eventlog', [path]),
    'domb log, whole command': () => runProgram(process.execPath, command(path)),
  });
  for (const [name, time] of times) console.log(`  ${name.padEnd(28)} ${time.toFixed(0)} ms`);
  const [theirs = Number.NaN, ours = Number.NaN] = times.values();
  const ratio = ours / theirs;
  judge('domb log, times tpm2_eventlog', ratio.toFixed(2), `less than ${goal}`, ratio < goal);
}

async function memory(): Promise<void> {
  const path = await writeLog(LONG);
  const { stderr, status } = spawnSync(
    '/usr/bin/time',
    ['-f', '%e %M', process.execPath, ...command(path)],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  if (status !== 0) throw new Error(`domb log ended with ${status}: ${stderr}`);
  const [seconds, kibibytes] = String(stderr).trim().split('\n').at(-1)?.split(' ') ?? [];
  const megabytes = (Number(kibibytes) * 1024) / 1e6;
  console.log(`  domb log, whole command      ${seconds} s`);
  const met = megabytes < MOST_MEMORY;
  judge('MB resident', megabytes.toFixed(1), `less than ${MOST_MEMORY}`, met);
}

function command(path: string): string[] {
  return [join(directory, 'main.mjs'), 'log', path];
}

async function writeLog(count: number): Promise<string> {
  const items = Array.from({ length: count }, (_, i) =>
    encodeItem(imageItem(`domain-${i}`, 'kernel', Buffer.from(String(i))), i, target),
  );
  const events = [...items, encodeCap(target)].map(encodeEvent);
  const log = Buffer.concat([encodeHeader(banks), ...events]);
  const path = join(directory, `${count}.log`);
  await writeFile(path, log);
  console.log(`A log of ${count} events in ${banks.length} banks, ${log.length} bytes`);
  return path;
}
