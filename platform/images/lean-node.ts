import { readFile, writeFile } from 'node:fs/promises';
import { runProgram } from '../lib/run.ts';
import { fileOffset, type MemoryRange, withoutPages } from './elf-hole.ts';
import { cutIcuData } from './icu-data.ts';

/**
 * Makes, of a published Node, the one that our images have: without symbols, and without what ICU knows of the world's languages. Intl speaks English
 * and what is common to all; characters, their properties, normal forms and names of hosts are as ever. That is a fifth of the
 * program and a quarter of what an image has to carry.
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

/** What decides which items there are, as text: what is made by it is another when it changes. */
export const ICU_ITEMS: readonly string[] = [locale, english, ...needless].map(String);

function isKept(name: string): boolean {
  if (needless.some((pattern) => pattern.test(name))) return false;
  return !locale.test(name) || english.test(name);
}
