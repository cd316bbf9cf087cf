import type { ExitStatus } from '../../../cli/command.ts';
import { domb } from '../../../cli/domb.ts';

export interface Run {
  status: ExitStatus;
  out: string;
  error: string;
}

/** Runs a command line as a terminal without colours would. */
export async function run(
  argv: string[],
  { stdin = '', colour = false }: { stdin?: string; colour?: boolean } = {},
): Promise<Run> {
  let out = '';
  let error = '';
  const status = await domb(argv, {
    write: (text) => {
      out += text;
    },
    writeError: (text) => {
      error += text;
    },
    read: async () => Buffer.from(stdin),
    colour,
  });
  return { status, out, error };
}

/** A file of the tree. */
export function file(path: string): string {
  return new URL(`../../../${path}`, import.meta.url).pathname;
}
