/**
 * Starts the command from a bundle beside it, with V8's code cache; `bin/domb` calls it. Nothing is imported that Node has not loaded by
 * itself: each module more would be felt.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { AS_BUILT, type Bundle, isFresh, readBundle } from './bundle.ts';
import { plainInput } from './plain-input.ts';
import { runBundle } from './run-bundle.ts';

/** The source tree that the bundles are made from; build.ts puts it here. */
declare const SOURCE_ROOT: string;

const directory = import.meta.dirname;

const name = plainInput(process.argv.slice(2)) === undefined ? 'all' : 'validate';

const bundle = freshBundle();
if (bundle !== undefined) run(bundle);

function freshBundle(): Bundle | undefined {
  const found = readBundle(directory, name);
  const asBuilt = process.env[AS_BUILT] !== undefined;
  if (found !== undefined && (asBuilt || isFresh(found))) return found;
  const made = !asBuilt && runSources(`${SOURCE_ROOT}/cli/bundled/build.ts`, [directory]) === 0;
  const bundle = made ? readBundle(directory, name) : undefined;
  // Sources that can't be bundled say best themselves what is wrong.
  if (bundle === undefined) {
    process.exitCode = runSources(`${SOURCE_ROOT}/cli/main.ts`, process.argv.slice(2));
  }
  return bundle;
}

function runSources(program: string, argv: string[]): number {
  const { spawnSync } = process.getBuiltinModule('node:child_process');
  return spawnSync(process.execPath, [program, ...argv], { stdio: 'inherit' }).status ?? 1;
}

function run({ id, root, file, code }: Bundle): void {
  // V8 takes no cache that was made with other options.
  const cacheFile = `${directory}/code-${id}${encodeURIComponent(process.execArgv.join(''))}`;
  const cachedData = readIfThere(cacheFile);
  const options = { filename: file, base: `${root}/cli/main.ts` };
  const script = runBundle(code, cachedData === undefined ? options : { ...options, cachedData });
  if (cachedData === undefined || script.cachedDataRejected) {
    // At the end it holds the functions that were used.
    process.on('exit', () => replaceFile(cacheFile, script.createCachedData()));
  }
}

function readIfThere(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}

/** A cache that can't be written is no failure of the command. */
function replaceFile(file: string, contents: Buffer): void {
  try {
    const work = `${file}.${process.pid}`;
    writeFileSync(work, contents);
    renameSync(work, file);
  } catch {}
}
