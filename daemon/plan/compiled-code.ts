/** The daemon in a boot image: a small program that starts it, its code, and what V8 made of that code when the image was built. */

/** Lie beside each other, and beside the FFI addon. */
export const daemonFiles = {
  /** The init: `daemon/run/launch.ts`. */
  launcher: 'domb.cjs',
  /** `daemon/run/main.ts` as one file; ASCII. */
  code: 'daemon.cjs',
  /** Its code cache. */
  cache: 'daemon.cache',
} as const;

/** A CommonJS module as an expression, which is what is compiled: a function as Node calls it for each module. */
export function asFunction(code: string): string {
  return `(function (exports, require, module, __filename, __dirname) {${code}\n})`;
}
