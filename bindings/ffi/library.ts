import type { AddonResult } from './addon.ts';
import { ffiAddon } from './addon.ts';
import { CallError, LibraryError } from './errors.ts';
import type { JsResult, JsValue, ResultType, ValueType } from './values.ts';
import { marshal, resultType, unmarshal } from './values.ts';

/**
 * How a function tells that it failed:
 * - `negative`: a result below 0, the reason in errno (libc, libxenctrl);
 * - `negative-errno`: a result below 0, which is the negated errno;
 * - `nonzero`: any result but 0, errno not reliable (most of libxenguest);
 * - `null`: a NULL pointer, the reason in errno;
 * - `map-failed`: the pointer (void *)-1, the reason in errno (mmap);
 * - `false`: false, the reason in errno (libxenstore);
 * - `never`: it cannot fail, or the caller has to judge the result.
 */
export type FailureRule =
  | 'negative'
  | 'negative-errno'
  | 'nonzero'
  | 'null'
  | 'map-failed'
  | 'false'
  | 'never';

/** A C prototype as data. The order of `args` is the order of the C parameters. */
export interface FunctionDeclaration {
  args: Readonly<Record<string, ValueType>>;
  result: ResultType;
  fails: FailureRule;
  /** True for a call that may take long: it runs in a thread of its own and gives a promise. */
  slow?: true;
}

export type Declarations = Readonly<Record<string, FunctionDeclaration>>;

type Arguments<D extends FunctionDeclaration> = {
  readonly [K in keyof D['args']]: JsValue<D['args'][K]>;
};

type Result<D extends FunctionDeclaration> = D extends { slow: true }
  ? Promise<JsResult<D['result']>>
  : JsResult<D['result']>;

/** The callables that a table of declarations gives; arguments are passed by name. */
export type Library<D extends Declarations> = {
  readonly [K in keyof D]: (args: Arguments<D[K]>) => Result<D[K]>;
};

/**
 * Opens the shared library `soname` and makes a typed callable of each declaration. Fails when the library or one of the
 * declared functions is missing, so that nothing of the kind is found out halfway through a boot.
 */
export function openLibrary<D extends Declarations>(soname: string, declarations: D): Library<D> {
  const known = bound.get(declarations) ?? new Map<string, unknown>();
  bound.set(declarations, known);
  const library = known.get(soname) ?? checkedLibrary(soname, declarations);
  known.set(soname, library);
  return library as Library<D>;
}

/** By declarations and soname: nothing is unmapped, so what was looked for once is there. */
const bound = new WeakMap<Declarations, Map<string, unknown>>();

function checkedLibrary<D extends Declarations>(soname: string, declarations: D): Library<D> {
  mapLibrary(soname, `install the package that contains ${soname}, or put it into the image`);
  const missing = missingSymbols(soname, Object.keys(declarations));
  if (missing.length > 0) {
    throw new LibraryError({
      library: soname,
      message: `${soname} lacks ${missing.join(', ')}`,
      hint: 'use the release of the library that the declarations were written for',
    });
  }
  return bind(soname, declarations);
}

function mapLibrary(soname: string, hint: string): void {
  try {
    ffiAddon().open({ library: soname, path: soname });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new LibraryError({
      library: soname,
      message: `cannot open ${soname}: ${reason}`,
      hint,
    });
  }
}

function bind<D extends Declarations>(soname: string, declarations: D): Library<D> {
  const callables = Object.entries(declarations).map(([name, declaration]) => {
    const taken = Object.entries(declaration.args);
    return [
      name,
      (args: Record<string, unknown>) => callFunction(soname, name, declaration, taken, args),
    ];
  });
  return Object.fromEntries(callables) as Library<D>;
}

function callFunction(
  soname: string,
  name: string,
  declaration: FunctionDeclaration,
  taken: readonly [name: string, type: ValueType][],
  args: Record<string, unknown>,
): unknown {
  const addon = ffiAddon();
  const marshalled = taken.map(([arg, type]) => marshal(addon, type, args[arg], `${name}: ${arg}`));
  const outcome = addon.load({
    library: soname,
    funcName: name,
    retType: resultType(addon, declaration.result),
    paramsType: marshalled.map(({ type }) => type),
    paramsValue: marshalled.map(({ value }) => value),
    errno: true,
    runInNewThread: declaration.slow === true,
    freeResultMemory: false,
  });
  const finish = (raw: AddonResult): unknown => {
    const result = unmarshal(declaration.result, raw.value);
    const failure = failureOf(declaration.fails, result, raw.errnoCode);
    if (failure === undefined) return result;
    throw new CallError({
      call: name,
      library: soname,
      errno: failure,
      args: argumentsOfInterest(declaration, args),
    });
  };
  return declaration.slow
    ? (outcome as Promise<AddonResult>).then(finish)
    : finish(outcome as AddonResult);
}

const MAP_FAILED = 0xffff_ffff_ffff_ffffn;

/** The errno of a failed call, 0 when it gave none; undefined when it did not fail. */
function failureOf(rule: FailureRule, result: unknown, errno: number): number | undefined {
  switch (rule) {
    case 'negative':
      return (result as number | bigint) < 0 ? errno : undefined;
    case 'negative-errno':
      return (result as number | bigint) < 0 ? -Number(result) : undefined;
    case 'nonzero':
      return result !== 0 ? 0 : undefined;
    case 'null':
      return result === 0n ? errno : undefined;
    case 'map-failed':
      return result === MAP_FAILED ? errno : undefined;
    case 'false':
      return result === false ? errno : undefined;
    case 'never':
      return undefined;
  }
}

const MEMORY_TYPES: ReadonlySet<string> = new Set(['pointer', 'memory', 'bytes', 'bytes?']);

function argumentsOfInterest(
  declaration: FunctionDeclaration,
  args: Record<string, unknown>,
): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const [name, type] of Object.entries(declaration.args)) {
    if (MEMORY_TYPES.has(type)) continue;
    const value = args[name];
    texts[name] = typeof value === 'string' ? JSON.stringify(value) : String(value);
  }
  return texts;
}

/** RTLD_LAZY, bits/dlfcn.h. */
const RTLD_LAZY = 1;

const DYNAMIC_LINKER = {
  dlopen: { args: { file: 'string', flags: 'i32' }, result: 'pointer', fails: 'null' },
  dlsym: { args: { handle: 'pointer', symbol: 'string' }, result: 'pointer', fails: 'never' },
} as const satisfies Declarations;

let linker: Library<typeof DYNAMIC_LINKER> | undefined;

function missingSymbols(soname: string, symbols: string[]): string[] {
  if (linker === undefined) {
    mapLibrary('libc.so.6', 'domb needs glibc 2.34 or newer');
    linker = bind('libc.so.6', DYNAMIC_LINKER);
  }
  const { dlopen, dlsym } = linker;
  const handle = dlopen({ file: soname, flags: RTLD_LAZY });
  return symbols.filter((symbol) => dlsym({ handle, symbol }) === 0n);
}
