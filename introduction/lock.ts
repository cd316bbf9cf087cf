import { closeSync, constants, openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { tryLock } from '../bindings/libc.ts';
import { IntroductionError } from './introduction-error.ts';

/** dom0's, and gone with its boot. */
const LOCK_FILE = '/run/domb-introduce.lock';

interface Patience {
  /** Milliseconds: how long another introduction may take, and how long to wait between two looks. */
  limit: number;
  interval: number;
}

/**
 * Runs `action` when no other introduction runs in this dom0, and keeps others out meanwhile: two that write the nodes of one
 * device would take it from the guest that uses it. The kernel ends the lock with the process, however that ends.
 * @throws IntroductionError when another one does not end within the limit
 */
export async function alone<T>(
  action: () => Promise<T>,
  file = LOCK_FILE,
  { limit, interval }: Patience = { limit: 180_000, interval: 200 },
): Promise<T> {
  // What is there must be a file that is ours: nobody else writes to /run.
  const fd = openSync(file, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  try {
    const end = performance.now() + limit;
    while (!tryLock(fd)) {
      if (performance.now() > end) {
        throw new IntroductionError(
          `another "domb introduce" has been running for ${limit / 1000} s (it holds ${file})`,
          'see what it waits for, or end it',
        );
      }
      await sleep(interval);
    }
    return await action();
  } finally {
    closeSync(fd);
  }
}
