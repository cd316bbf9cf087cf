/**
 * Starts the command from a bundle beside it, with V8's code cache; `bin/domb` calls it. Nothing is imported that Node has not loaded by
 * itself: each module more would be felt.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Script } from 'node:vm';
import { type Bundle, isFresh, readBundle } from './bundle.ts';

const directory = import.meta.dirname;

const name = process.argv[2] === 'validate' ? 'validate' : 'all';

const bundle = freshBundle();
if (bundle !== undefined) run(bundle);

function freshBundle(): Bundle | undefined {
  const found = readBundle(directory, name);
  if (found === undefined || isFresh(found)) return found;
  const builder = `${found.root}/cli/bundled/build.ts`;
  if (runSources(builder, [directory]) === 0) return readBundle(directory, name);
  // Sources that can't be bundled say best themselves what is wrong.
  process.exitCode = runSources(`${found.root}/cli/main.ts`, process.argv.slice(2));
  return undefined;
}

function runSources(program: string, argv: string[]): number {
  const { spawnSync } = process.getBuiltinModule('node:child_process');
  return spawnSync(process.execPath, [program, ...argv], { stdio: 'inherit' }).status ?? 1;
}

function run({ id, root, file, code }: Bundle): void {
  const cacheFile = `${directory}/code-${id}`;
  const cachedData = readIfThere(cacheFile);
  const script = new Script(code, {
    filename: file,
    ...(cachedData === undefined ? {} : { cachedData }),
  });
  if (cachedData === undefined || script.cachedDataRejected) {
    // At the end it holds the functions that were used.
    process.on('exit', () => replaceFile(cacheFile, script.createCachedData()));
  }
  const module = { exports: {} };
  const main = script.runInThisContext() as (...values: unknown[]) => void;
  main(requireFrom(`${root}/cli/main.ts`), module.exports, module);
}

/** As createRequire gives it, which takes time to make what most commands do without. */
function requireFrom(file: string): (name: string) => unknown {
  return (name) => process.getBuiltinModule(name) ?? createRequire(file)(name);
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
