import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

/**
 * The native half of ffi-rs (1.3.7), loaded directly: its JavaScript wrapper picks a platform and rewrites array types
 * at each call, which costs 8 ms at start, and it cannot be bundled.
 */
export interface FfiAddon {
  DataType: Readonly<
    Record<
      'String' | 'I32' | 'U32' | 'U8' | 'BigInt' | 'U8Array' | 'Boolean' | 'Void' | 'External',
      number
    >
  >;
  FFITypeTag: Readonly<Record<'Array', number>>;
  /** Maps the shared library `path` (a SONAME or a path) and names it `library`; throws what dlopen says. */
  open(params: { library: string; path: string }): void;
  load(params: AddonCall): unknown;
  /** A buffer that is the `length` bytes at an address, which a call with the result type `External` gave. */
  createExternalBuffer(address: unknown, length: number): Buffer;
}

export interface AddonCall {
  library: string;
  funcName: string;
  retType: number;
  paramsType: (number | AddonArray)[];
  paramsValue: unknown[];
  errno: true;
  runInNewThread: boolean;
  freeResultMemory: false;
}

export interface AddonArray {
  ffiTypeTag: number;
  type: number;
  length: number;
}

/** What {@link FfiAddon.load} gives with `errno: true`; a promise of it with `runInNewThread`. */
export interface AddonResult {
  value: unknown;
  errnoCode: number;
}

/** Name of the addon file; a bundler puts it beside the bundle. */
export const ADDON_FILE = 'ffi-rs.linux-x64-gnu.node';
const ADDON_PACKAGE = '@yuuang/ffi-rs-linux-x64-gnu';

/**
 * Loads the addon that lies beside this module (a bundle), else the one from node_modules. A bundler to CommonJS has to
 * define `import.meta.dirname` as `__dirname` and `import.meta.url` as `__filename`.
 */
function loadAddon(): FfiAddon {
  const require = createRequire(import.meta.url);
  const beside = join(import.meta.dirname, ADDON_FILE);
  return require(existsSync(beside) ? beside : ADDON_PACKAGE) as FfiAddon;
}

let loaded: FfiAddon | undefined;

/** The addon; loaded at first use, so that programs that never call C need not have it. */
export function ffiAddon(): FfiAddon {
  loaded ??= loadAddon();
  return loaded;
}
