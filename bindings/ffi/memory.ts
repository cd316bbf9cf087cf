/** Reading and writing memory that belongs to C. Every address must have come from C, or the process dies. */
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

/** Copies all of `bytes` to `address`. */
export function writeMemory(address: bigint, bytes: Uint8Array): void {
  if (bytes.length > 0) libc().memcpy({ to: address, from: bytes, length: bytes.length });
}

/** The NUL-terminated text at `address`, cut after `most` bytes. */
export function readText(address: bigint, most: number): string {
  const length = Number(libc().strnlen({ text: address, most }));
  return readMemory(address, length).toString('utf8');
}

/** Where the contents of `bytes` are; they stay there for as long as the array is reachable. */
export function addressOf(bytes: Uint8Array): bigint {
  return libc().memcpy({ to: bytes, from: bytes, length: 0 });
}
