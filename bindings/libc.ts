/** The kernel calls that Node lacks and an init needs, through glibc. Each throws a CallError that names call and errno. */
import { closeSync, openSync } from 'node:fs';
import { CallError } from './ffi/errors.ts';
import type { Declarations, Library } from './ffi/library.ts';
import { openLibrary } from './ffi/library.ts';

export const LIBC = 'libc.so.6';

const DECLARATIONS = {
  mount: {
    args: { source: 'string', target: 'string', type: 'string', flags: 'u64', data: 'string' },
    result: 'i32',
    fails: 'negative',
  },
  // glibc has no wrapper for finit_module, so this is syscall(2) with that call's parameters.
  syscall: {
    args: { number: 'i64', fd: 'i64', parameters: 'string', flags: 'i64' },
    result: 'i64',
    fails: 'negative',
  },
  reboot: { args: { how: 'u32' }, result: 'i32', fails: 'negative' },
  sync: { args: {}, result: 'void', fails: 'never' },
  ioctl: {
    args: { fd: 'i32', request: 'u64', argument: 'memory' },
    result: 'i32',
    fails: 'negative',
  },
  prlimit64: {
    args: { pid: 'i32', resource: 'u32', limits: 'memory', former: 'pointer' },
    result: 'i32',
    fails: 'negative',
  },
  alarm: { args: { seconds: 'u32' }, result: 'u32', fails: 'never' },
  flock: { args: { fd: 'i32', operation: 'i32' }, result: 'i32', fails: 'negative' },
  mmap: {
    args: {
      address: 'pointer',
      length: 'u64',
      protection: 'i32',
      flags: 'i32',
      fd: 'i32',
      offset: 'i64',
    },
    result: 'pointer',
    fails: 'map-failed',
  },
  mremap: {
    args: {
      former: 'pointer',
      formerLength: 'u64',
      length: 'u64',
      flags: 'i32',
      address: 'pointer',
    },
    result: 'pointer',
    fails: 'map-failed',
  },
  free: { args: { memory: 'pointer' }, result: 'void', fails: 'never' },
  munmap: { args: { address: 'pointer', length: 'u64' }, result: 'i32', fails: 'negative' },
} as const satisfies Declarations;

let opened: Library<typeof DECLARATIONS> | undefined;

function libc(): Library<typeof DECLARATIONS> {
  opened ??= openLibrary(LIBC, DECLARATIONS);
  return opened;
}

/** Flags of mount(2), linux/mount.h. */
export const MountFlag = {
  readOnly: 1,
  noSuid: 2,
  noDev: 4,
  noExec: 8,
  remount: 32,
  bind: 4096,
} as const;

/**
 * mount(2).
 * @param flags sum of {@link MountFlag}s
 * @param data the file system's own options, for example `mode=755`
 */
export function mount(source: string, target: string, type: string, flags = 0, data = ''): void {
  libc().mount({ source, target, type, flags, data });
}

/** asm/unistd_64.h. */
const SYS_FINIT_MODULE = 313;

/**
 * Loads the kernel module in `file`, an uncompressed `.ko`, with finit_module(2). What it depends on must be loaded.
 * @param parameters as on modprobe's command line
 */
export function loadModule(file: string, parameters = ''): void {
  const fd = openSync(file, 'r');
  try {
    libc().syscall({ number: SYS_FINIT_MODULE, fd, parameters, flags: 0 });
  } finally {
    closeSync(fd);
  }
}

/** LOCK_EX | LOCK_NB, sys/file.h. */
const LOCK_NOW = 2 | 4;

/** flock(2): locks an open file for its process alone. False when another process has it locked. */
export function tryLock(fd: number): boolean {
  try {
    libc().flock({ fd, operation: LOCK_NOW });
    return true;
  } catch (error) {
    if (error instanceof CallError && error.errno === 'EAGAIN') return false;
    throw error;
  }
}

/** Commands of reboot(2), linux/reboot.h. */
const REBOOT_COMMANDS = {
  halt: 0xcdef0123,
  restart: 0x01234567,
  powerOff: 0x4321fedc,
} as const;

/**
 * reboot(2), at once and without syncing. For a Xen domain `halt` ends that domain only; `powerOff` may go through ACPI
 * and take the host down.
 */
export function reboot(how: keyof typeof REBOOT_COMMANDS): void {
  libc().reboot({ how: REBOOT_COMMANDS[how] });
}

/** sync(2): returns once all dirty pages are written. */
export function sync(): void {
  libc().sync({});
}

/**
 * ioctl(2) with a pointer argument.
 * @param argument read and written by the kernel, of the size that `request` encodes
 * @returns what the request gives, 0 or more
 */
export function ioctl(fd: number, request: number, argument: Uint8Array): number {
  return libc().ioctl({ fd, request, argument });
}

/** asm-generic/resource.h. */
const RLIMIT_DATA = 2;

/**
 * prlimit(2) of RLIMIT_DATA, soft and hard.
 * @param bytes that the process may have of private data
 */
export function limitData(pid: number, bytes: number): void {
  const limits = Buffer.alloc(16);
  limits.writeBigUInt64LE(BigInt(bytes), 0);
  limits.writeBigUInt64LE(BigInt(bytes), 8);
  libc().prlimit64({ pid, resource: RLIMIT_DATA, limits, former: 0n });
}

/** alarm(2): this process ends by SIGALRM in so many seconds, whatever it does then. */
export function alarm(seconds: number): void {
  libc().alarm({ seconds });
}

/** sys/mman.h. */
const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_SHARED = 1;
const MAP_PRIVATE = 2;
const MAP_ANONYMOUS = 0x20;
const MAP_POPULATE = 0x8000;
const MREMAP_MAYMOVE = 1;
const MREMAP_FIXED = 2;

/** mmap(2) of an open file from its start, for reading, with all of its pages. @returns the address */
export function mapFile(fd: number, length: number): bigint {
  const flags = MAP_SHARED | MAP_POPULATE;
  return libc().mmap({ address: 0n, length, protection: PROT_READ, flags, fd, offset: 0 });
}

/** mmap(2) of a device's memory, for reading. @param offset a multiple of a page @returns the address */
export function mapDevice(fd: number, offset: number, length: number): bigint {
  const flags = MAP_SHARED;
  return libc().mmap({ address: 0n, length, protection: PROT_READ, flags, fd, offset });
}

/** mmap(2) of zeros that this process may change; they take memory once they are written to. @returns the address */
export function mapZeros(length: number): bigint {
  const [protection, flags] = [PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS];
  return libc().mmap({ address: 0n, length, protection, flags, fd: -1, offset: 0 });
}

/** Maps what is mapped at `former` by {@link mapFile} a second time, at `address`, over what is there (mremap(2) of no bytes). */
export function mapAgain(former: bigint, length: number, address: bigint): void {
  const flags = MREMAP_MAYMOVE | MREMAP_FIXED;
  libc().mremap({ former, formerLength: 0, length, flags, address });
}

/** munmap(2) of a mapping. */
export function unmapMemory(address: bigint, length: number): void {
  libc().munmap({ address, length });
}

/** free(3) of memory that a library allocated for its caller. */
export function freeMemory(memory: bigint): void {
  libc().free({ memory });
}
