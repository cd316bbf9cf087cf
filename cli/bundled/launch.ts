/**
 * Starts the command from a bundle beside it, with V8's code cache; `bin/domb` calls it. Nothing is imported that Node has not loaded by
 * itself: each module more would be felt.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { Script } from 'node:vm';
import { AS_BUILT, type Bundle, isFresh, readBundle } from './bundle.ts';
import { plainInput } from './plain-input.ts';

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
  return (name) => {
    if (/^(node:)?crypto$/.test(name)) return late;
    const own = process.getBuiltinModule(name);
    return own ?? process.getBuiltinModule('node:module').createRequire(file)(name);
  };
}

/** A module that takes long to load, and of which most runs use nothing. */
const late = new Proxy<object>(
  {},
  { get: (_, name) => Reflect.get(process.getBuiltinModule('node:crypto'), name) },
);

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
