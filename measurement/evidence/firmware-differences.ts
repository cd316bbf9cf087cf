import { type HashAlgorithm, hashAlgorithms } from 'node-tpm2-pts';
import type { FirmwareEvent } from './firmware-events.ts';

/** Lines about one register; what differs more is said by its number. */
const MOST_LINES = 24;
/** Pairs of events that are compared with each other; beyond it they are taken in their order. A log may be hostile. */
const MOST_PAIRS = 1_000_000;
/** Hex digits of a digest that people see. */
const SHOWN = 16;

/**
 * How the events of one register differ from those that were expected, event by event, in plain words. By their digests in the
 * banks that all of them have: what a log says of types and texts, nobody vouches for. Numbers count the register's events
 * that decide its value, from 1.
 * @returns no line where the digests are the same, or no bank is common to all
 */
export function firmwareDifferences(
  pcr: number,
  expected: readonly FirmwareEvent[],
  found: readonly FirmwareEvent[],
): string[] {
  const [wanted, logged] = [expected, found].map((list) =>
    list.filter((event) => event.pcr === pcr),
  );
  if (wanted === undefined || logged === undefined) return [];
  const banks = commonBanks([...wanted, ...logged]);
  if (banks.length === 0) return [];
  const bank = banks.find((name) => name === 'sha256') ?? (banks[0] as HashAlgorithm);
  const lines = runs(
    wanted.map((event) => keyOf(event, banks)),
    logged.map((event) => keyOf(event, banks)),
  ).flatMap((run) => runLines(run, wanted, logged, bank));
  const more = lines.length - MOST_LINES;
  const shown = more > 0 ? [...lines.slice(0, MOST_LINES), `${more} more events differ`] : lines;
  return shown.map((line) => `PCR ${pcr}: ${line}`);
}

function commonBanks(events: readonly FirmwareEvent[]): HashAlgorithm[] {
  const extended = events.filter(({ locality }) => locality === undefined);
  const common = hashAlgorithms.filter((bank) =>
    extended.every(({ digests }) => digests.has(bank)),
  );
  return extended.length === 0 ? [] : common;
}

function keyOf({ digests, locality }: FirmwareEvent, banks: readonly HashAlgorithm[]): string {
  if (locality !== undefined) return `locality ${locality}`;
  return banks.map((bank) => digests.get(bank)?.toString('hex')).join();
}

/** A place where the two lists differ: from and up to which events of each. */
interface Run {
  readonly wanted: readonly [from: number, to: number];
  readonly logged: readonly [from: number, to: number];
}

/** The places where two lists differ, between what a longest common subsequence of both has in common. */
function runs(wanted: readonly string[], logged: readonly string[]): Run[] {
  let start = 0;
  while (start < wanted.length && start < logged.length && wanted[start] === logged[start]) start++;
  let end = 0;
  const shorter = Math.min(wanted.length, logged.length) - start;
  while (end < shorter && wanted.at(-1 - end) === logged.at(-1 - end)) end++;
  const [toWanted, toLogged] = [wanted.length - end, logged.length - end];
  const pairs = commonPairs(wanted.slice(start, toWanted), logged.slice(start, toLogged));
  const found: Run[] = [];
  let [w, l] = [start, start];
  for (const [i, j] of [...pairs, [toWanted - start, toLogged - start] as const]) {
    const [nextW, nextL] = [start + i, start + j];
    if (w < nextW || l < nextL) found.push({ wanted: [w, nextW], logged: [l, nextL] });
    [w, l] = [nextW + 1, nextL + 1];
  }
  return found;
}

/** A longest common subsequence, as pairs of indices. */
function commonPairs(one: readonly string[], other: readonly string[]): [number, number][] {
  if (one.length * other.length > MOST_PAIRS) return [];
  const width = other.length + 1;
  const lengths = new Uint32Array((one.length + 1) * width);
  const at = (i: number, j: number) => lengths[i * width + j] as number;
  for (let i = one.length - 1; i >= 0; i--) {
    for (let j = other.length - 1; j >= 0; j--) {
      lengths[i * width + j] =
        one[i] === other[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const pairs: [number, number][] = [];
  for (let i = 0, j = 0; i < one.length && j < other.length; ) {
    if (one[i] === other[j]) pairs.push([i++, j++]);
    else if (at(i + 1, j) >= at(i, j + 1)) i++;
    else j++;
  }
  return pairs;
}

/** Events that stand at the same place of a run are one that differs, if they say that they are of one type. */
function runLines(
  run: Run,
  wanted: readonly FirmwareEvent[],
  logged: readonly FirmwareEvent[],
  bank: HashAlgorithm,
): string[] {
  const missing = wanted.slice(...run.wanted);
  const fresh = logged.slice(...run.logged);
  const lines: string[] = [];
  const longest = Math.max(missing.length, fresh.length);
  for (let i = 0; i < longest; i++) {
    const [was, is] = [missing[i], fresh[i]];
    const [place, number] = [run.wanted[0] + i + 1, run.logged[0] + i + 1];
    if (was !== undefined && is !== undefined && was.type === is.type) {
      const what = `expected ${shown(was, bank)}, measured ${shown(is, bank)}`;
      lines.push(`event ${number} ${is.type} differs: ${what}`);
      continue;
    }
    if (was !== undefined) lines.push(`event ${place} ${was.type} is missing: ${shown(was, bank)}`);
    if (is !== undefined) lines.push(`event ${number} ${is.type} is new: ${shown(is, bank)}`);
  }
  return lines;
}

function shown({ digests, text }: FirmwareEvent, bank: HashAlgorithm): string {
  const hex = digests.get(bank)?.toString('hex').slice(0, SHOWN);
  const digest = hex === undefined ? [] : [`${bank}:${hex}…`];
  return [...digest, ...(text === '' ? [] : [`(${text})`])].join(' ');
}
