import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { runProgram } from '../lib/run.ts';

const root = join(import.meta.dirname, '../..');
const sources = join(root, 'measurement/node-tpm2-pts');

/** What can be imported from the package, and the modules below `measurement` that it is. */
const entries: Readonly<Record<string, string>> = {
  '.': 'node-tpm2-pts/src/index',
  './evidence': 'public/evidence',
  './event-log': 'public/event-log',
  './firmware': 'public/firmware',
  './enrolment': 'public/enrolment',
  './attestation-result': 'public/attestation-result',
};

/** `crypto.hash` came with 20.12; everything else is older. */
const engines = { node: '>=20.12' };

/** What the package is made of beside its code. */
const pages = [
  join(sources, 'README.md'),
  join(sources, 'CHANGELOG.md'),
  join(root, 'LICENSE'),
] as const;

/**
 * Makes the package node-tpm2-pts as others install it: JavaScript and declarations below `directory`/node-tpm2-pts, and beside it
 * the archive of that. The same sources give the same bytes.
 * @returns path of the archive
 */
export async function packLibrary(directory: string): Promise<string> {
  const work = join(directory, 'node-tpm2-pts');
  await rm(work, { recursive: true, force: true });
  await mkdir(work, { recursive: true });
  await compile(join(work, 'dist'));
  const description = await packageJson();
  await writeFile(join(work, 'package.json'), `${JSON.stringify(description, null, 2)}\n`);
  for (const page of pages) await cp(page, join(work, basename(page)));
  return pack(work, directory, description.version);
}

function compile(output: string): Promise<string> {
  const tsc = join(root, 'node_modules/.bin/tsc');
  const config = join(root, 'measurement/tsconfig.package.json');
  return runProgram(tsc, ['--project', config, '--outDir', output]);
}

/** That of the sources, with what they give in the place of the sources. */
async function packageJson(): Promise<{ version: string }> {
  const text = await readFile(join(sources, 'package.json'), 'utf8');
  const { exports: _, types: __, scripts: ___, ...common } = JSON.parse(text);
  const built = Object.entries(entries).map(([name, module]) => [
    name,
    { types: `./dist/${module}.d.ts`, default: `./dist/${module}.js` },
  ]);
  return {
    ...common,
    engines,
    sideEffects: false,
    exports: { ...Object.fromEntries(built), './package.json': './package.json' },
    // For programs in TypeScript only.
    peerDependencies: { '@types/node': '>=20.19' },
    peerDependenciesMeta: { '@types/node': { optional: true } },
  };
}

/** npm gives every file the same time, owner and mode. Nothing here needs a registry. */
async function pack(work: string, directory: string, version: string): Promise<string> {
  // With the Node that npm was started with, as in platform/setup/prepare.sh.
  const { npm_execpath: npm = 'npm', npm_node_execpath: node } = process.env;
  const [program = npm, ...before] = node === undefined ? [npm] : [node, npm];
  const options = ['--offline', '--ignore-scripts', '--pack-destination', directory];
  await runProgram(program, [...before, 'pack', ...options, work]);
  return join(directory, `node-tpm2-pts-${version}.tgz`);
}
