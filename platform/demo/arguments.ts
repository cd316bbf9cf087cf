import { parseArgs } from 'node:util';
import { nearest } from '../../boot-configs/suggest.ts';
import { memoryKiB } from '../../domains/memory.ts';
import { usualCpus, usualMemoryMiB } from '../machine/boot-manifest.ts';

/** A command line that can't be meant. */
export class DemoUsageError extends Error {}

/** What a demo is to boot, and on which machine. Paths are as they were written. */
export interface DemoRun {
  do: 'run';
  /** Without it the demo's own. */
  manifest: string | undefined;
  /** Directory of images. */
  images: string | undefined;
  memoryMiB: number;
  cpus: number;
  /** Start through firmware with Secure Boot, and have the evidence prove the whole chain. */
  firmware: boolean;
  keep: boolean;
  output: string | undefined;
}

export type KeptLine = 'dom0' | 'xen';

export type DemoRequest =
  | DemoRun
  | { do: 'attach'; line: KeptLine; output: string | undefined }
  | { do: 'stop'; output: string | undefined }
  | { do: 'help' };

const options = {
  images: { type: 'string' },
  memory: { type: 'string' },
  cpus: { type: 'string' },
  firmware: { type: 'boolean' },
  keep: { type: 'boolean' },
  output: { type: 'string' },
  attach: { type: 'string' },
  stop: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

const MOST_CPUS = 64;

/** Reads the command line. Throws a {@link DemoUsageError} that says what is wrong with it. */
export function readArguments(argv: readonly string[]): DemoRequest {
  const { values, positionals } = parsed(argv);
  if (values.help) return { do: 'help' };
  const { output, attach, stop } = values;
  if (attach !== undefined || stop) {
    const allowed = attach === undefined ? ['stop', 'output'] : ['attach', 'output'];
    const other = Object.keys(values).find((name) => !allowed.includes(name));
    if (other !== undefined) {
      throw new DemoUsageError(`--${allowed[0]} and --${other} exclude each other`);
    }
    if (positionals[0] !== undefined) {
      throw new DemoUsageError(`--${allowed[0]} boots nothing: leave "${positionals[0]}" out`);
    }
    return attach === undefined
      ? { do: 'stop', output }
      : { do: 'attach', line: keptLine(attach), output };
  }
  if (positionals[1] !== undefined) {
    throw new DemoUsageError(`one manifest can be booted, and "${positionals[1]}" is another`);
  }
  return {
    do: 'run',
    manifest: positionals[0],
    images: values.images,
    memoryMiB: memoryMiB(values.memory),
    cpus: cpus(values.cpus),
    firmware: values.firmware ?? false,
    keep: values.keep ?? false,
    output,
  };
}

function parsed(argv: readonly string[]) {
  // In node's words an unknown option reads less well, and a near one is not named.
  const { tokens } = parseArgs({
    args: [...argv],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    const known = Object.entries(options).find(([name]) => name === token.name)?.[1];
    if (known === undefined) {
      const meant = nearest(token.name, Object.keys(options));
      const hint = meant === undefined ? '' : `; did you mean --${meant}?`;
      throw new DemoUsageError(`there is no option ${token.rawName}${hint}`);
    }
    if (known.type === 'string' && !token.value) {
      throw new DemoUsageError(`${token.rawName} needs a value`);
    }
    if (known.type === 'boolean' && token.value !== undefined) {
      throw new DemoUsageError(`${token.rawName} takes no value`);
    }
  }
  return parseArgs({ args: [...argv], options, allowPositionals: true });
}

function keptLine(text: string): KeptLine {
  if (text === 'dom0' || text === 'xen') return text;
  throw new DemoUsageError(`there is no line "${text}": write dom0 or xen`);
}

function memoryMiB(text: string | undefined): number {
  if (text === undefined) return usualMemoryMiB;
  if (/^[1-9][0-9]{0,8}(MiB|GiB|TiB)$/.test(text)) return memoryKiB(text) / 1024;
  throw new DemoUsageError(
    `"${text}" is not a size: write a whole number with the unit MiB, GiB or TiB, such as 4GiB`,
  );
}

function cpus(text: string | undefined): number {
  if (text === undefined) return usualCpus;
  const count = /^[0-9]{1,3}$/.test(text) ? Number(text) : 0;
  if (count >= 1 && count <= MOST_CPUS) return count;
  throw new DemoUsageError(`"${text}" is not a number of processors from 1 to ${MOST_CPUS}`);
}
