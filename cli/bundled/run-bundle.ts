import { Script } from 'node:vm';

/**
 * Runs a bundle: plain ASCII, a function of `require`, `exports` and `module`. Modules are looked for from `base`. Returns what was
 * compiled, for V8's code cache; nothing is imported that Node has not loaded by itself, as each module more would be felt.
 */
export function runBundle(
  code: string,
  { filename, base, cachedData }: { filename: string; base: string; cachedData?: Buffer },
): Script {
  const script = new Script(code, {
    filename,
    ...(cachedData === undefined ? {} : { cachedData }),
  });
  const module = { exports: {} };
  const main = script.runInThisContext() as (...values: unknown[]) => void;
  main(requireFrom(base), module.exports, module);
  return script;
}

/** As createRequire gives it, which takes time to make what most commands do without. */
function requireFrom(file: string): (name: string) => unknown {
  return (name) => {
    if (/^(node:)?crypto$/.test(name)) return late;
    const own = process.getBuiltinModule(name);
    return own ?? process.getBuiltinModule('node:module').createRequire(file)(name);
  };
}

/** A module that takes long to load, and of which most runs use nothing. Only names of it are imported anywhere. */
const late = new Proxy<object>(
  {},
  { get: (_, name) => Reflect.get(process.getBuiltinModule('node:crypto'), name) },
);
