/** Reading and writing memory that belongs to C. Every address must have come from C, or the process dies. */
import { ffiAddon } from './addon.ts';
import type { Declarations, Library } from './library.ts';
import { openLibrary } from './library.ts';

const DECLARATIONS = {
  memcpy: {
    args: { to: 'memory', from: 'memory', length: 'u64' },
    result: 'pointer',
    fails: 'never',
  },
  strnlen: { args: { text: 'pointer', most: 'u64' }, result: 'u64', fails: 'never' },
} as const satisfies Declarations;

let opened: Library<typeof DECLARATIONS> | undefined;

function libc(): Library<typeof DECLARATIONS> {
  opened ??= openLibrary('libc.so.6', DECLARATIONS);
  return opened;
}

/** A copy of `length` bytes at `address`. */
export function readMemory(address: bigint, length: number): Buffer {
  const to = Buffer.alloc(length);
  if (length > 0) libc().memcpy({ to, from: address, length });
  return to;
}

/** Fills `bytes` with what is at `address`. */
export function copyMemory(bytes: Uint8Array, address: bigint): void {
  if (bytes.length > 0) libc().memcpy({ to: bytes, from: address, length: bytes.length });
}

/** Copies all of `bytes` to `address`. */
export function writeMemory(address: bigint, bytes: Uint8Array): void {
  if (bytes.length > 0) libc().memcpy({ to: address, from: bytes, length: bytes.length });
}

/** The NUL-terminated text at `address`, cut after `most` bytes. */
export function readText(address: bigint, most: number): string {
  const length = Number(libc().strnlen({ text: address, most }));
  return readMemory(address, length).toString('utf8');
}

// The same call under another type of its result.
const DECLARED_EXTERNAL = {
  memcpy: { ...DECLARATIONS.memcpy, result: 'external' },
} as const satisfies Declarations;

/**
 * The `length` bytes at `address` themselves, as a buffer. They must stay there for as long as the buffer is used, and writing to
 * what is mapped for reading ends the process.
 */
export function viewMemory(address: bigint, length: number): Buffer {
  libc();
  external ??= openLibrary('libc.so.6', DECLARED_EXTERNAL);
  const there = external.memcpy({ to: address, from: address, length: 0 });
  return ffiAddon().createExternalBuffer(there, length);
}

let external: Library<typeof DECLARED_EXTERNAL> | undefined;

/** Where the contents of `bytes` are; they stay there for as long as the array is reachable. */
export function addressOf(bytes: Uint8Array): bigint {
  return libc().memcpy({ to: bytes, from: bytes, length: 0 });
}
