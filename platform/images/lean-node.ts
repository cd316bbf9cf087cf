import { readFile, writeFile } from 'node:fs/promises';
import { runProgram } from '../lib/run.ts';
import { dropExports, parseSections, rangeOf } from './elf-exports.ts';
import { fileOffset, forgetUnwinding, type MemoryRange, withoutPages } from './elf-hole.ts';
import { cutIcuData } from './icu-data.ts';
import { dropCodeCaches, WANTED_CACHES } from './node-code-caches.ts';

/**
 * Makes, of a published Node, the one that our images have:
 *
 * - without symbols, and without what ICU knows of the world's languages: Intl speaks English and what is common to all; characters, their
 *   properties, normal forms and names of hosts are as ever. That is a fifth of the program and a quarter of what an image has to carry;
 * - without the tables by which a C++ exception finds its way up: V8 and Node are compiled without exceptions, so that one ends the program with these
 *   tables or without. (What could catch one are 236 functions of std::filesystem, which is linked in.) Addons have their own;
 * - without the names of V8's, Node's and ICU's C++ functions, which only addons in C++ ask for: ours uses Node-API, whose names are C;
 * - without code caches of modules that our programs do not load (node-code-caches.ts).
 *
 * @param node the published program; it is left as it is
 * @param made the new one's path
 */
export async function makeLeanNode(node: string, made: string): Promise<void> {
  const range = await icuRange(node);
  await runProgram('strip', ['-o', made, node]);
  const program = await readFile(made);
  const at = fileOffset(program, range.address);
  const data = program.subarray(at, at + Number(range.size));
  const cut = cutIcuData(data, isKept);
  cut.copy(data);
  const left = BigInt(cut.length);
  const sections = parseSections(
    await runProgram('readelf', ['--section-headers', '--wide', node]),
  );
  for (const name of ['.eh_frame_hdr', '.eh_frame']) rangeOf(program, sections, name).fill(0);
  forgetUnwinding(program);
  dropExports(program, sections, (name) => ofCpp.test(name));
  await dropCodeCaches(program, node);
  await writeFile(
    made,
    withoutPages(program, { address: range.address + left, size: range.size - left }),
    { mode: 0o755 },
  );
}

/** Where ICU's data is: its build gives it a symbol, named by its version. */
async function icuRange(node: string): Promise<MemoryRange> {
  const symbols = await runProgram('nm', ['--print-size', '--defined-only', node]);
  const [, address, size] = /^([0-9a-f]+) ([0-9a-f]+) \w icudt\d+_dat$/m.exec(symbols) ?? [];
  if (address === undefined || size === undefined) {
    throw new Error(`${node} has no ICU data of its own (symbol icudt*_dat)`);
  }
  return { address: BigInt(`0x${address}`), size: BigInt(`0x${size}`) };
}

/** Files of locales: two or three letters, then what narrows it. */
const locale = /^(?:[a-z]+\/)?[a-z]{2,3}(?:_\w+)?\.res$/;
const english = /(?:^|\/)en(?:_US(?:_POSIX)?)?\.res$/;
/** Converters of old encodings, rules for other scripts, words of languages without spaces, and what JavaScript has no way to ask for. */
const needless = [
  /\.(?:cnv|spp|cfu|dict)$/,
  /^(?:translit|rbnf)\//,
  /^brkitr\/(?:line_.*|.*lstm.*)$/,
  /^(?:unames\.icu|windowsZones\.res|zone\/tzdbNames\.res)$/,
];

/** Namespaces in mangled names (Itanium C++ ABI, 5.1). */
const ofCpp = /(?:2v8|4node|6icu_\d\d)/;

/** What decides what stays, as text: what is made by it is another when it changes. */
export const LEAN_RULES: readonly string[] = [
  ...[locale, english, ...needless, ofCpp].map(String),
  ...['no tables for unwinding', WANTED_CACHES],
];

function isKept(name: string): boolean {
  if (needless.some((pattern) => pattern.test(name))) return false;
  return !locale.test(name) || english.test(name);
}
