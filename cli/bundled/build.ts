/** Makes the bundles that `bin/domb` starts: `node cli/bundled/build.ts DIRECTORY`. Ends with 1 when that is not possible. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, type Plugin, transform } from 'esbuild';
import { commandBundle, plainValidate } from '../../platform/images/validate-bundle.ts';
import {
  AS_BUILT,
  type BundleHeader,
  type BundleName,
  bundleFile,
  CLOSING,
  isFresh,
  OPENING,
  readBundle,
} from './bundle.ts';
import { asOneBuilder } from './one-builder.ts';

const root = join(import.meta.dirname, '../..');

/** Says how bundles are made. */
const MANNER = 'platform/images/validate-bundle.ts';

/**
 * Modules find files beside their sources, and start them, as if they were not bundled. What they say in quotes stays: only
 * esbuild knows which is which.
 */
const placed: Plugin = {
  name: 'placed',
  setup(build) {
    build.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const contents = readFileSync(path, 'utf8');
      if (!contents.includes('import.meta')) return { loader: 'ts', contents };
      const define = {
        'import.meta.dirname': JSON.stringify(dirname(path)),
        'import.meta.url': JSON.stringify(pathToFileURL(path).href),
      };
      const { code } = await transform(contents, { loader: 'ts', sourcefile: path, define });
      return { loader: 'js', contents: code };
    });
  },
};

/** Writes the bundles and the program that launches them into `directory`, and runs them once for the code cache. */
async function bundleInto(directory: string): Promise<void> {
  for (const name of readdirSync(directory)) {
    // Another process may be doing the same.
    if (name.startsWith('code-')) rmSync(join(directory, name), { force: true });
  }
  const demo = join(root, 'boot-configs/demo.yaml');
  await writeBundle(directory, 'validate', {
    ...plainValidate,
    plugins: [placed, ...plainValidate.plugins],
  });
  await writeBundle(directory, 'all', { entryPoints: ['cli/main.ts'], plugins: [placed] });
  replaceFile(join(directory, 'launch.cjs'), await launch());
  for (const argv of [
    ['validate', '--quiet', demo],
    ['plan', demo],
  ]) {
    // It must not begin all this anew when a source has changed since.
    const env = { ...process.env, [AS_BUILT]: '1' };
    spawnSync(join(root, 'bin/domb'), argv, { stdio: 'ignore', env });
  }
}

async function launch(): Promise<string> {
  const entry = 'cli/bundled/launch.ts';
  const define = { 'import.meta.dirname': '__dirname', SOURCE_ROOT: JSON.stringify(root) };
  return textOf(await build({ ...commandBundle, entryPoints: [entry], define }));
}

async function writeBundle(
  directory: string,
  name: BundleName,
  options: { entryPoints: string[]; plugins: Plugin[] },
): Promise<void> {
  const started = Date.now();
  const bundle = await build({ ...commandBundle, ...options, metafile: true });
  const code = textOf(bundle).replace(/^#!.*\n/, '');
  // Packages change with the lock file only.
  const sources = Object.keys(bundle.metafile.inputs).filter(
    (path) => !path.startsWith('node_modules/'),
  );
  const own = readdirSync(join(root, 'cli/bundled')).map((file) => `cli/bundled/${file}`);
  const header: BundleHeader = {
    id: createHash('sha256').update(code).digest('hex').slice(0, 16),
    root,
    inputs: [...new Set([...sources, ...own, MANNER, 'package-lock.json'])].map((path) => {
      const { mtimeMs, size } = statSync(join(root, path));
      // What changed meanwhile may be in the bundle or not: the next run makes another one. A time to come is a wrong clock's.
      const meanwhile = mtimeMs >= started && mtimeMs <= Date.now();
      return [path, meanwhile ? 0 : mtimeMs, size];
    }),
  };
  const text = `${OPENING}${JSON.stringify(header)}\n${code}${CLOSING}`;
  replaceFile(join(directory, bundleFile(name)), text);
}

function textOf({ outputFiles }: { outputFiles: { text: string }[] }): string {
  const [file] = outputFiles;
  if (file === undefined) throw new Error('esbuild gave no output');
  return file.text;
}

/** Others may be reading the old file. */
function replaceFile(file: string, contents: string): void {
  const work = `${file}.${process.pid}`;
  writeFileSync(work, contents);
  renameSync(work, file);
}

const [directory = ''] = process.argv.slice(2);
const names: readonly BundleName[] = ['validate', 'all'];
const areMade = (): boolean =>
  names.every((name) => {
    const bundle = readBundle(directory, name);
    return bundle !== undefined && isFresh(bundle);
  });
await asOneBuilder(directory, () => bundleInto(directory), areMade).catch((error: Error) => {
  console.error(`domb: the bundle can't be made, so this takes longer: ${error.message}`);
  process.exitCode = 1;
});
