import { basename, dirname, join } from 'node:path';
import { build, type Plugin } from 'esbuild';
import {
  formerVersions,
  newestVersion,
  schemaPath,
  schemaText,
} from '../../boot-configs/schema/file.ts';
import { BUNDLED_WORKER } from '../../boot-scripts/apart.ts';
import { bundleScriptWorker } from './bundle.ts';

const root = join(import.meta.dirname, '../..');

/** Modules of domb, and what stands in for them where the command is installed without a source tree to make images from. */
const substitutes: readonly (readonly [module: string, substitute: string])[] = [
  ['cli/chosen-xen.ts', 'chosen-xen.ts'],
  ['cli/policy-build.ts', 'no-policy-modules.ts'],
  ['platform/hypervisor/build.ts', 'hypervisor.ts'],
  ['platform/images/boot-parts.ts', 'boot-parts.ts'],
  ['platform/images/components.ts', 'components.ts'],
  ['platform/policy/build.ts', 'policy.ts'],
];

const installed: Plugin = {
  name: 'installed',
  setup(build) {
    build.onResolve({ filter: /^\.{1,2}\// }, ({ importer, path }) => {
      const module = join(dirname(importer), path);
      const found = substitutes.find(([from]) => module === join(root, from));
      return found && { path: join(root, 'cli/installed', found[1]) };
    });
  },
};

/**
 * Bundles the command `domb` for the pinned Node into a few modules that lie side by side; `main.mjs` is the program. They
 * are modules, and several, so that a command loads no other's code.
 * @returns contents by path
 */
export async function bundleCommand(): Promise<Map<string, Uint8Array>> {
  const result = await build({
    // The second is started as a process, by its name beside the module that starts it.
    entryPoints: ['cli/main.ts', 'measurement/hash-share.ts'],
    absWorkingDir: root,
    outdir: '/',
    outbase: root,
    entryNames: '[name]',
    chunkNames: '[name]-[hash]',
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    write: false,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    minifySyntax: true,
    legalComments: 'none',
    // For the CommonJS packages among our dependencies, which ask for Node's own modules.
    banner: {
      js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
    },
    plugins: [installed],
    logLevel: 'silent',
  });
  const files = result.outputFiles.map(({ path, contents }) => [basename(path), contents] as const);
  const schemas = [...formerVersions, newestVersion].map(
    async (version) => [schemaPath(version), Buffer.from(await schemaText(version))] as const,
  );
  const worker = [BUNDLED_WORKER, await bundleScriptWorker()] as const;
  return new Map<string, Uint8Array>([...files, worker, ...(await Promise.all(schemas))]);
}
