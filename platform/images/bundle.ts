import { join } from 'node:path';
import { build } from 'esbuild';
import { interpreter } from './runtime.ts';

/**
 * Bundles an entry point and all it imports into one CommonJS file for the pinned Node, which starts several times as
 * fast as the modules it is made of. It is ASCII, which V8 reads fastest.
 * @param interpreter of a file that is a program
 */
export async function bundle(entry: string, interpreter?: string): Promise<Uint8Array> {
  const result = await build({
    entryPoints: [entry],
    // Comments in the bundle name sources from here, wherever that is.
    absWorkingDir: join(import.meta.dirname, '../..'),
    bundle: true,
    write: false,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    minifySyntax: true,
    legalComments: 'none',
    charset: 'ascii',
    ...(interpreter === undefined ? {} : { banner: { js: `#!${interpreter}` } }),
    // The FFI layer looks for its addon beside the module it is in.
    define: { 'import.meta.dirname': '__dirname', 'import.meta.url': '__filename' },
    logLevel: 'silent',
  });
  const output = result.outputFiles[0];
  if (!output) throw new Error(`${entry}: esbuild gave no output`);
  return output.contents;
}

/** The thread that boot scripts run in, to lie beside the bundle that starts it. */
export function bundleScriptWorker(): Promise<Uint8Array> {
  return bundle(join(import.meta.dirname, '../../boot-scripts/worker.ts'), interpreter);
}
