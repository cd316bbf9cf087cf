import assert from 'node:assert/strict';
import { closeSync, openSync } from 'node:fs';
import { test } from 'node:test';
import { CallError } from '../../../bindings/ffi/errors.ts';
import { ioctl, loadModule, mount } from '../../../bindings/libc.ts';

function failure(action: () => void): CallError {
  try {
    action();
  } catch (error) {
    assert(error instanceof CallError, String(error));
    return error;
  }
  return assert.fail('the call should have failed');
}

test('a failed mount says what was to be mounted where', () => {
  const error = failure(() => mount('proc', '/no/such/directory', 'proc'));
  assert.equal(error.call, 'mount');
  assert.equal(error.errno, 'ENOENT');
  assert.match(error.message, /source="proc", target="\/no\/such\/directory", type="proc"/);
});

test('a file that is no kernel module is refused', () => {
  // EPERM without the right to load modules, ENOEXEC with it; never loaded.
  const error = failure(() => loadModule(import.meta.filename));
  assert(['EPERM', 'ENOEXEC', 'ENOSYS'].includes(error.errno), error.errno);
  assert.throws(() => loadModule('/no/such.ko'), { code: 'ENOENT' });
});

test('ioctl passes memory to the kernel and tells its errno', () => {
  /** linux: asm-generic/ioctls.h. */
  const TIOCGWINSZ = 0x5413;
  const fd = openSync('/dev/null', 'r');
  try {
    const error = failure(() => ioctl(fd, TIOCGWINSZ, new Uint8Array(8)));
    assert.deepEqual([error.call, error.errno], ['ioctl', 'ENOTTY']);
  } finally {
    closeSync(fd);
  }
});
