import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { text } from 'node:stream/consumers';
import { setImmediate as turn } from 'node:timers/promises';
import { CONTENT_ALGORITHMS } from './content.ts';
import { MeasurementError } from './errors.ts';
import type { ContentAlgorithm, ContentDescription } from './events.ts';
import { type Hashed, hashShare, type Share } from './hash-file.ts';
import { hashProgram } from './hash-program.ts';

/** More would wait for the disk, and each process needs some 50 MB, most of it shared. */
const MOST_PROCESSES = 2;

/** Starting a process takes as long as hashing about this many bytes. */
const WORTH_A_PROCESS = 128 * 1024 * 1024;

/**
 * Sizes and digests of regular files by path, in constant memory; where there is enough to do, on two processors. The second
 * one is used by a process and not by a thread: it starts as fast, and no single process gets beyond 64 MB.
 * @throws {MeasurementError} for anything but a regular file, otherwise what the file system says
 */
export async function hashFiles(
  paths: Iterable<string>,
  algorithms: readonly ContentAlgorithm[] = CONTENT_ALGORITHMS,
): Promise<Map<string, ContentDescription>> {
  const sizes = await fileSizes(new Set(paths));
  const [own, ...others] = shares(sizes).map((paths) => ({ paths, algorithms }));
  const stop = new AbortController();
  try {
    const processes = others.map((share) => elsewhere(share, stop.signal));
    // They have their work before this process goes about its own.
    await turn();
    const hashed = await Promise.all([...processes, own ? hashShare(own) : []]);
    return new Map(hashed.flat());
  } finally {
    stop.abort();
  }
}

async function fileSizes(paths: ReadonlySet<string>): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  for (const path of paths) {
    const status = await stat(path);
    if (!status.isFile()) {
      throw new MeasurementError(`${path}: not a regular file`, 'name a file with an end');
    }
    sizes.set(path, status.size);
  }
  return sizes;
}

/** Divides paths so that all shares take about as long: the largest first, each to the smallest share. */
function shares(sizes: ReadonlyMap<string, number>): string[][] {
  const sorted = [...sizes].sort(([, a], [, b]) => b - a);
  const spared = sorted.slice(1).reduce((sum, [, size]) => sum + size, 0);
  const worth = spared >= WORTH_A_PROCESS && hashProgram !== undefined && existsSync(hashProgram);
  const count = worth ? Math.min(MOST_PROCESSES, availableParallelism()) : 1;
  const all = Array.from({ length: count }, () => ({ paths: [] as string[], size: 0 }));
  for (const [path, size] of sorted) {
    const smallest = all.reduce((least, share) => (share.size < least.size ? share : least));
    smallest.paths.push(path);
    smallest.size += size;
  }
  return all.map(({ paths }) => paths);
}

/** Hashes in a process of its own. */
async function elsewhere(share: Share, signal: AbortSignal): Promise<Hashed[]> {
  const child = spawn(process.execPath, hashProgram === undefined ? [] : [hashProgram], { signal });
  child.stdin.on('error', () => {}); // It ended early, and says why.
  child.stdin.end(JSON.stringify(share));
  const outputs = [text(child.stdout), text(child.stderr)] as const;
  const [[status], output, errors] = await Promise.all([once(child, 'close'), ...outputs]);
  if (status === 0) return JSON.parse(output) as Hashed[];
  throw new MeasurementError(
    `hashing ${share.paths.join(', ')} failed: ${errors.trim() || `status ${status}`}`,
    'see that the files can be read and do not change',
  );
}
