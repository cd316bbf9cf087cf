import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errnoName } from '../../../bindings/ffi/errno.ts';
import { CallError, LibraryError } from '../../../bindings/ffi/errors.ts';
import type { Declarations } from '../../../bindings/ffi/library.ts';
import { openLibrary } from '../../../bindings/ffi/library.ts';
import { addressOf, readMemory, readText, writeMemory } from '../../../bindings/ffi/memory.ts';

const LIBC = 'libc.so.6';

const SAMPLE = {
  htonl: { args: { host: 'u32' }, result: 'u32', fails: 'never' },
  abs: { args: { number: 'i32' }, result: 'i32', fails: 'never' },
  labs: { args: { number: 'i64' }, result: 'i64', fails: 'never' },
  strtoull: {
    args: { text: 'string', end: 'bytes?', base: 'i32' },
    result: 'u64',
    fails: 'never',
  },
  toupper: { args: { character: 'u8' }, result: 'i32', fails: 'never' },
  strlen: { args: { text: 'string' }, result: 'u64', fails: 'never' },
  swab: { args: { from: 'bytes', to: 'bytes', length: 'i64' }, result: 'void', fails: 'never' },
  chdir: { args: { path: 'string' }, result: 'i32', fails: 'negative' },
  fopen: { args: { path: 'string', mode: 'string' }, result: 'pointer', fails: 'null' },
  posix_fallocate: {
    args: { fd: 'i32', offset: 'i64', length: 'i64' },
    result: 'i32',
    fails: 'nonzero',
  },
  usleep: { args: { microseconds: 'u32' }, result: 'i32', fails: 'negative', slow: true },
  close: { args: { fd: 'i32' }, result: 'i32', fails: 'negative', slow: true },
} as const satisfies Declarations;

const libc = openLibrary(LIBC, SAMPLE);

test('integers of every width go in and come out whole', () => {
  assert.equal(libc.htonl({ host: 0xff000001 }), 0x010000ff);
  assert.equal(libc.abs({ number: -2147483647 }), 2147483647);
  assert.equal(libc.labs({ number: -(1n << 62n) }), 1n << 62n);
  assert.equal(libc.toupper({ character: 'z'.charCodeAt(0) }), 'Z'.charCodeAt(0));
});

test('a 64-bit result with the top bit set keeps its sign', () => {
  const value = libc.strtoull({ text: '0xffffffffffffffff', end: null, base: 16 });
  assert.equal(value, 0xffff_ffff_ffff_ffffn);
});

test('strings and buffers reach C, and C writes into ours', () => {
  assert.equal(libc.strlen({ text: 'größer' }), 8n);
  const to = new Uint8Array(4);
  libc.swab({ from: Uint8Array.of(1, 2, 3, 4), to, length: 4 });
  assert.deepEqual(to, Uint8Array.of(2, 1, 4, 3));
});

test('an integer too wide for its type is refused before the call, by name', () => {
  const refused: [() => unknown, RegExp][] = [
    [() => libc.htonl({ host: 0x1_0000_0000 }), /htonl: host must be .* not 4294967296/],
    [() => libc.htonl({ host: -1 }), /htonl: host/],
    [() => libc.abs({ number: 0x8000_0000 }), /abs: number/],
    [() => libc.toupper({ character: 256 }), /toupper: character/],
    [() => libc.labs({ number: 1n << 63n }), /labs: number/],
    [() => libc.labs({ number: 2 ** 60 }), /labs: number/],
    [() => libc.abs({ number: 1.5 }), /abs: number/],
    [() => libc.abs({ number: Number.NaN }), /abs: number/],
  ];
  for (const [call, message] of refused) {
    assert.throws(call, (error) => error instanceof RangeError && message.test(error.message));
  }
});

test('values of another type are refused, and so is text with a NUL', () => {
  const strlen = libc.strlen as (args: { text: unknown }) => unknown;
  assert.throws(() => strlen({ text: 5 }), /strlen: text must be a string/);
  assert.throws(() => strlen({ text: null }), /strlen: text must be a string/);
  assert.throws(() => strlen({ text: 'a\0b' }), /strlen: text must not contain a NUL/);
  const swab = libc.swab as (args: Record<string, unknown>) => unknown;
  assert.throws(
    () => swab({ from: [1, 2], to: new Uint8Array(2), length: 2 }),
    /swab: from must be a Uint8Array/,
  );
});

test('a failed call names itself, its arguments and the errno', () => {
  assert.throws(
    () => libc.chdir({ path: '/no/such' }),
    (error) => {
      assert(error instanceof CallError);
      assert.equal(error.call, 'chdir');
      assert.equal(error.library, LIBC);
      assert.equal(error.errno, 'ENOENT');
      assert.deepEqual(error.args, { path: '"/no/such"' });
      assert.equal(error.message, 'chdir(path="/no/such") failed: ENOENT');
      return true;
    },
  );
  assert.throws(() => libc.fopen({ path: '/no/such', mode: 'r' }), { errno: 'ENOENT' });
});

test('a function that reports no errno gives none', () => {
  assert.throws(() => libc.posix_fallocate({ fd: -1, offset: 0, length: 1 }), {
    name: 'CallError',
    errno: '',
  });
});

test('a slow call leaves the event loop alive and reports errno like any other', async () => {
  let ticks = 0;
  const timer = setInterval(() => ticks++, 5);
  await libc.usleep({ microseconds: 100_000 });
  clearInterval(timer);
  assert(ticks >= 3, `${ticks} ticks during the call`);
  await assert.rejects(libc.close({ fd: 9999 }), { errno: 'EBADF', call: 'close' });
});

test('a missing library and a missing function are found when the library is opened', () => {
  assert.throws(
    () => openLibrary('libdomb-missing.so.1', SAMPLE),
    (error) => error instanceof LibraryError && error.message.includes('libdomb-missing.so.1'),
  );
  const declarations = {
    abs: SAMPLE.abs,
    absent_one: SAMPLE.abs,
  } as const satisfies Declarations;
  assert.throws(() => openLibrary(LIBC, declarations), {
    name: 'LibraryError',
    message: 'libc.so.6 lacks absent_one',
  });
});

test('memory at an address can be read and written', () => {
  const bytes = Buffer.from('hello\0world');
  const address = addressOf(bytes);
  assert.equal(readText(address, bytes.length), 'hello');
  assert.equal(readText(address, 3), 'hel');
  writeMemory(address + 6n, Buffer.from('W'));
  assert.equal(bytes.toString('latin1', 6), 'World');
  assert.deepEqual(readMemory(address + 6n, 5), Buffer.from('World'));
});

test('errno values have the names that Xen and libxc use', () => {
  assert.equal(errnoName(1), 'EPERM');
  assert.equal(errnoName(11), 'EAGAIN');
  assert.equal(errnoName(85), 'ERESTART');
  assert.equal(errnoName(95), 'EOPNOTSUPP');
  assert.equal(errnoName(999), 'errno 999');
});
