import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProgram } from '../../platform/lib/run.ts';
import { packLibrary } from '../../platform/package/library.ts';

const modules = join(import.meta.dirname, '../../node_modules');

/** A project of somebody else, into which npm has installed the package node-tpm2-pts. */
export interface Project {
  readonly directory: string;
  /** The package's archive. */
  readonly archive: string;
  /** Writes a file of it, and returns its path. */
  write(name: string, contents: string | Uint8Array): Promise<string>;
  remove(): Promise<void>;
}

/** Packs the library and installs it as the README of the package says; nothing is asked of a registry. */
export async function installLibrary(): Promise<Project> {
  const directory = await mkdtemp(join(tmpdir(), 'domb-library-'));
  const archive = await packLibrary(join(directory, 'packed'));
  const { npm_config_registry: _, ...env } = process.env;
  await writeFile(join(directory, 'package.json'), '{ "private": true }\n');
  const options = ['--offline', '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock'];
  await runProgram('npm', ['install', ...options, archive], { cwd: directory, env });
  // What a program in TypeScript has besides.
  for (const name of ['@types/node', 'undici-types']) {
    await mkdir(join(directory, 'node_modules/@types'), { recursive: true });
    await cp(join(modules, name), join(directory, 'node_modules', name), { recursive: true });
  }
  return {
    directory,
    archive,
    write: async (name, contents) => {
      const path = join(directory, name);
      await writeFile(path, contents);
      return path;
    },
    remove: () => rm(directory, { recursive: true }),
  };
}

/** The TypeScript examples of the package's README, in their order. */
export async function readmeExamples(): Promise<string[]> {
  const readme = await readFile(
    join(import.meta.dirname, '../../measurement/node-tpm2-pts/README.md'),
    'utf8',
  );
  return [...readme.matchAll(/^```ts\n(.*?)^```/gms)].map(([, code = '']) => code);
}
