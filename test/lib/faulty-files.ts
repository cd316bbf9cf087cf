import { type FileHandle, open } from 'node:fs/promises';
import type { TestContext } from 'node:test';

type Call = 'write' | 'sync' | 'chmod' | 'truncate';
const calls: readonly Call[] = ['write', 'sync', 'chmod', 'truncate'];

/** Makes the calls on file handles for which `fails` is true (they are counted from 1) fail as on a full file system. */
export async function failFileCalls(
  test: TestContext,
  fails: (call: Call, count: number) => boolean,
): Promise<void> {
  const handle = await open('/dev/null');
  const prototype = Object.getPrototypeOf(handle) as FileHandle;
  await handle.close();
  let count = 0;
  for (const call of calls) {
    const real = prototype[call] as (...given: unknown[]) => Promise<unknown>;
    test.mock.method(prototype, call, function (this: FileHandle, ...given: unknown[]) {
      if (!fails(call, ++count)) return real.apply(this, given);
      return Promise.reject(
        Object.assign(new Error('no space left on device'), { code: 'ENOSPC' }),
      );
    });
  }
}
