import { closeSync, mkdirSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** How long the bundles may take another process, in milliseconds; they take it about one second. */
const PATIENCE = 60_000;

/**
 * Does `work` for `directory`, which is made, unless another process is doing the same: then waits until that has ended, and does it
 * only if it is not done, because the other one failed or began before the sources were as they are. Many commands may be started at
 * once, by a test for example, just after a source has changed.
 */
export async function asOneBuilder(
  directory: string,
  work: () => Promise<void>,
  isDone: () => boolean,
): Promise<void> {
  mkdirSync(directory, { recursive: true });
  const lock = join(directory, 'builder');
  const deadline = Date.now() + PATIENCE;
  let waited = false;
  let mine = take(lock);
  while (!mine && Date.now() < deadline) {
    if (isAbandoned(lock)) rmSync(lock, { force: true });
    else {
      waited = true;
      await sleep(20);
    }
    mine = take(lock);
  }
  try {
    if (!waited || !isDone()) await work();
  } finally {
    // Another one's stays.
    if (mine) rmSync(lock, { force: true });
  }
}

function take(lock: string): boolean {
  try {
    const file = openSync(lock, 'wx');
    writeSync(file, String(process.pid));
    closeSync(file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Whether the process that took it is gone. */
function isAbandoned(lock: string): boolean {
  try {
    const pid = Number(readFileSync(lock, 'utf8'));
    // It is written just after it is made.
    if (pid === 0) return Date.now() - statSync(lock).mtimeMs > 1000;
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
