/** Checks boot scripts against the types of the API, each with those of the point at which it runs. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import type { ScriptPoint } from './api.ts';
import { CALL_POINTS, type ScriptCall, type ScriptText } from './protocol.ts';

export interface TypedScript extends ScriptText {
  at: ScriptPoint;
  /** The directory that it is in: types of its own are looked for there. */
  directory: string;
}

export interface TypeFault {
  /** `file:line:column: what`. */
  message: string;
  hint: string;
}

/** In a checkout, beside which npm has put it; a boot image and dom0 have none. */
const COMPILER = '../node_modules/@typescript/typescript-linux-x64/lib/tsc';
const OPTIONS = [
  ...['--noEmit', '--pretty', 'false', '--strict', '--noImplicitAny', 'false', '--skipLibCheck'],
  ...['--target', 'es2024', '--lib', 'es2024', '--types', '', '--moduleDetection', 'force'],
  ...['--module', 'nodenext', '--moduleResolution', 'nodenext', '--allowImportingTsExtensions'],
  ...['--allowJs', '--checkJs', '--verbatimModuleSyntax', '--erasableSyntaxOnly'],
];
/** Milliseconds. */
const PATIENCE = 60_000;
/** One mistake often makes many. */
const MOST_FAULTS = 20;

/** What a script finds beside JavaScript's own objects. WebAssembly's own types are the browser's, and no business of ours. */
const GLOBALS = `declare const console: { log(...texts: unknown[]): void };
declare function setTimeout<T extends unknown[]>(call: (...given: T) => void, milliseconds?: number, ...given: T): { readonly timeout: unique symbol };
declare function clearTimeout(timeout: ReturnType<typeof setTimeout> | undefined): void;
declare const WebAssembly: any;
`;

/** A default export at the beginning of a line: what follows gets the type of a script for its point. */
const EXPORT = /^export[ \t]+default[ \t]+/m;
const IMPORT = /^(import\s+type\b[^'"]*)(['"])([^'"]+)\2/gm;

/** Whether scripts can be type-checked here. */
export function canCheckTypes(): boolean {
  return existsSync(join(import.meta.dirname, COMPILER)) && existsSync(apiFile());
}

/**
 * The mistakes in the types of scripts that parse, for each script in its place. All are checked in one go.
 * @throws {Error} when the compiler cannot be run
 */
export function typeFaults(scripts: readonly TypedScript[]): TypeFault[][] {
  const directory = mkdtempSync(join(tmpdir(), 'domb-types-'));
  try {
    copyFileSync(apiFile(), join(directory, 'api.ts'));
    writeFileSync(join(directory, 'globals.d.ts'), GLOBALS);
    writeFileSync(join(directory, 'package.json'), '{ "type": "module" }\n');
    const prepared = scripts.map((script, index) => prepare(script, join(directory, `${index}`)));
    const run = spawnSync(
      join(import.meta.dirname, COMPILER),
      [...OPTIONS, 'globals.d.ts', ...prepared.flatMap(({ paths }) => paths)],
      { cwd: directory, encoding: 'utf8', timeout: PATIENCE, env: {} },
    );
    const said = linesOf(run.stdout ?? '');
    if (run.error || run.signal || (run.status !== 0 && said.length === 0)) {
      const why = run.error?.message ?? run.signal ?? `status ${run.status}: ${run.stderr}`;
      throw new Error(`the TypeScript compiler does not run: ${why}`);
    }
    return prepared.map((script, index) => {
      const own = said.filter((line) => line.index === index).slice(0, MOST_FAULTS);
      return own.map((line) => fault(line, script));
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const apiFile = () => join(import.meta.dirname, 'api.ts');

interface Prepared {
  /** Files for the compiler; the first is the script. */
  paths: readonly string[];
  file: string;
  /** The line whose text begins with more than in the script, and how many characters that are. */
  shifted: { line: number; by: number } | undefined;
}

/** The script as the compiler gets it: each line is that of the script, but for what stands before the default export. */
function prepare({ file, source, at, directory }: TypedScript, place: string): Prepared {
  mkdirSync(place);
  const path = join(place, basename(file));
  const type = `import('../api.ts').BootScript<'${at}'>`;
  const text = source.replaceAll(IMPORT, (_, start: string, quote: string, name: string) => {
    const target = name.startsWith('.') ? resolve(directory, dirname(file), name) : name;
    return `${start}${quote}${basename(name) === 'api.ts' ? '../api.ts' : target}${quote}`;
  });
  const found = EXPORT.exec(text);
  if (found === null) {
    // As in "export { sizes as default }": the types have to fit as a whole.
    const user = join(place, 'domb-point.ts');
    writeFileSync(path, text);
    writeFileSync(
      user,
      `import script from './${basename(file)}';\nexport const typed: ${type} = script;\n`,
    );
    return { paths: [path, user], file, shifted: undefined };
  }
  const head = /\.m?js$/.test(file)
    ? `/** @type {${type}} */ const domb_script = `
    : `const domb_script: ${type} = `;
  writeFileSync(
    path,
    text.replace(EXPORT, () => head),
  );
  const line = text.slice(0, found.index).split('\n').length;
  return { paths: [path], file, shifted: { line, by: head.length - found[0].length } };
}

interface Line {
  index: number;
  name: string;
  line: number;
  column: number;
  what: string;
}

/** `0/sizes.ts(8,14): error TS2551: …`; lines that are indented go on with the one before. */
function linesOf(output: string): Line[] {
  const lines: Line[] = [];
  for (const text of output.split('\n')) {
    const found = /^(\d+)\/([^/]*)\((\d+),(\d+)\): error TS\d+: (.*)$/.exec(text);
    if (found !== null) {
      const [, index, name = '', line, column, what = ''] = found;
      lines.push({ index: Number(index), name, line: Number(line), column: Number(column), what });
      continue;
    }
    const last = lines.at(-1);
    if (last !== undefined && text.startsWith(' ')) last.what += ` ${text.trim()}`;
  }
  return lines;
}

function fault({ name, line, column, what }: Line, { file, shifted }: Prepared): TypeFault {
  const hint = hintFor(what);
  if (name !== basename(file)) return { message: `${file}: ${what}`, hint };
  const by = shifted?.line === line ? shifted.by : 0;
  return { message: `${file}:${line}:${Math.max(1, column - by)}: ${what}`, hint };
}

/** A call at the wrong point is one that the type of the point does not have. */
function hintFor(what: string): string {
  const [, name = ''] = /^Property '(\w+)' does not exist on type '(Before|After)/.exec(what) ?? [];
  const points = Object.hasOwn(CALL_POINTS, name) ? CALL_POINTS[name as ScriptCall] : [];
  if (points.length === 0) return 'correct the script; docs/boot-scripts.md has the API';
  return `${name} is for scripts at ${points.join(' and ')}`;
}
