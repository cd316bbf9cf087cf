import { join } from 'node:path';
import { type BuildOptions, build, type Plugin } from 'esbuild';
import { runBytes } from '../lib/run.ts';
import { nodeBinary } from './code-cache.ts';
import { validateFiles } from './packaged-parts.ts';

const root = join(import.meta.dirname, '../..');

/** How a command of domb becomes a bundle that `cli/bundled/run-bundle.ts` runs. */
export const commandBundle = {
  absWorkingDir: root,
  bundle: true,
  write: false,
  platform: 'node',
  target: 'node24',
  format: 'cjs',
  minify: true,
  legalComments: 'none',
  logLevel: 'silent',
  // The same library as modules, of which only what is used gets into the bundle.
  alias: { yaml: './node_modules/yaml/browser/dist/index.js' },
  external: ['esbuild', 'ffi-rs'],
  // `import()` of what is external would look for it beside the bundle.
  supported: { 'dynamic-import': false },
} as const satisfies BuildOptions;

/** Leaves out what is loaded only where an option asks for it. */
const plain: Plugin = {
  name: 'plain',
  setup(build) {
    build.onResolve({ filter: /./ }, ({ kind, path }) =>
      kind === 'dynamic-import' ? { path, external: true } : undefined,
    );
  },
};

/** `domb validate` of plain files alone. */
export const plainValidate = {
  entryPoints: ['cli/bundled/validate.ts'],
  plugins: [plain],
};

/** With what options `domb` starts Node for it; V8 takes no code cache that was made with others. bin/domb says why these. */
export const validateOptions = [
  ...['--no-maglev', '--min-semi-space-size=16', '--no-rehash-snapshot'],
] as const;

/**
 * `domb validate` of plain files for the installed command, to lie beside {@link bundleCommand}'s modules.
 * @returns contents by name
 */
export async function validateBundle(): Promise<Map<string, Uint8Array>> {
  const define = { 'import.meta.dirname': '__dirname', 'import.meta.url': '__filename' };
  const bundles = [
    { ...commandBundle, ...plainValidate, define },
    { ...commandBundle, entryPoints: ['cli/installed/launch.ts'], external: ['*.mjs'], define },
  ].map(async (options) => (await build(options)).outputFiles[0]?.text ?? '');
  const [code = '', launcher = ''] = await Promise.all(bundles);
  const text = `(function(require,exports,module,__dirname,__filename){${code}\n})`;
  return new Map<string, Uint8Array>([
    [validateFiles.launcher, Buffer.from(launcher)],
    [validateFiles.code, Buffer.from(text)],
    [validateFiles.cache, await usedCode(text)],
  ]);
}

/** V8's code cache of what is used for an example; the same bytes each time. */
function usedCode(text: string): Promise<Buffer> {
  const program = join(import.meta.dirname, 'used-code.ts');
  const example = join(root, 'boot-configs/demo.yaml');
  return runBytes(
    nodeBinary(),
    [...validateOptions, '--predictable', program, 'validate', '--quiet', example],
    { input: text },
  );
}
