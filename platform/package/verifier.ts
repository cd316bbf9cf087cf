import { dirname, join } from 'node:path';
import { build, type Plugin } from 'esbuild';

const root = join(import.meta.dirname, '../..');

/** Modules of domb, and what stands in for them where there is nothing but this one file. */
const substitutes: readonly (readonly [module: string, substitute: string])[] = [
  ['cli/commands.ts', 'cli/verifier/commands.ts'],
  ['cli/program.ts', 'cli/verifier/program.ts'],
  ['cli/programs.ts', 'cli/verifier/programs.ts'],
  ['measurement/hash-program.ts', 'cli/verifier/hash-program.ts'],
  ['platform/policy/build.ts', 'cli/no-policy-build.ts'],
  ['boot-scripts/apart.ts', 'cli/verifier/no-scripts.ts'],
  ['boot-scripts/type-check.ts', 'cli/verifier/no-type-check.ts'],
];

const alone: Plugin = {
  name: 'alone',
  setup(build) {
    build.onResolve({ filter: /^\.{1,2}\// }, ({ importer, path }) => {
      const module = join(dirname(importer), path);
      const found = substitutes.find(
        // The substitute itself may build upon what it stands in for.
        ([from, to]) => module === join(root, from) && importer !== join(root, to),
      );
      return found && { path: join(root, found[1]) };
    });
  },
};

/** Said before anything is loaded that an older Node lacks. */
const versionCheck = `"use strict";{
  const [major, minor] = process.versions.node.split('.');
  if (major < 20 || (major === '20' && minor < 12)) {
    console.error('domb-verify: this is Node ' + process.versions.node + '\\n  hint: run it with Node 20.12 or newer');
    process.exit(1);
  }
}`;

/**
 * Bundles the commands of a verifier into one program for Node 20.12 and newer that needs no other file. It is CommonJS, which
 * starts faster and may ask for Node's version before it asks for Node's modules.
 * @returns the program, and the modules that are in it, as paths from the root
 */
export async function bundleVerifier(): Promise<{ program: Uint8Array; modules: string[] }> {
  const result = await build({
    entryPoints: ['cli/main.ts'],
    absWorkingDir: root,
    bundle: true,
    write: false,
    metafile: true,
    platform: 'node',
    target: 'node20.12',
    format: 'cjs',
    minify: true,
    legalComments: 'none',
    // The same library as modules, of which only what is used gets into the bundle.
    alias: { yaml: './node_modules/yaml/browser/dist/index.js' },
    banner: { js: versionCheck },
    plugins: [alone],
    logLevel: 'silent',
  });
  // Such as a module that asks where it is: that is what it can't be told here.
  const [warning] = result.warnings;
  if (warning !== undefined) throw new Error(`${warning.location?.file}: ${warning.text}`);
  const [output] = result.outputFiles;
  if (output === undefined) throw new Error('esbuild gave no output');
  return { program: output.contents, modules: Object.keys(result.metafile.inputs) };
}
