import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import type { TestContext } from 'node:test';

const calls = ['writeSync', 'fsyncSync', 'fchmodSync', 'ftruncateSync'] as const;
type Call = (typeof calls)[number];

/**
 * Makes the synchronous calls on open files for which `fails` is true (they are counted from 1) fail as on a full file system,
 * until the test ends or what this gives is called.
 */
export function failFileCalls(
  test: TestContext,
  fails: (call: Call, count: number) => boolean,
): () => void {
  let count = 0;
  for (const call of calls) {
    const real = fs[call] as (fd: number, ...more: unknown[]) => unknown;
    test.mock.method(fs, call, (fd: number, ...more: unknown[]) => {
      // Directories, and what the test itself says, are nobody's log.
      if (!fs.fstatSync(fd).isFile() || !fails(call, ++count)) return real(fd, ...more);
      throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    });
  }
  const restore = () => {
    test.mock.restoreAll();
    syncBuiltinESMExports();
  };
  syncBuiltinESMExports();
  test.after(restore);
  return restore;
}
