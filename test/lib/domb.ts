import { spawn } from 'node:child_process';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');

/** The command as users start it. */
export const dombProgram = join(root, 'bin/domb');

export interface DombRun {
  /** Undefined when a signal ended it. */
  readonly status: number | undefined;
  readonly out: string;
  readonly error: string;
}

export interface DombOptions {
  /** What standard input gives; nothing when left out. */
  readonly stdin?: string | Uint8Array;
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Another program than `bin/domb`, and what stands before the arguments. */
  readonly program?: readonly [string, ...string[]];
}

/** Runs `domb` with these arguments in a process of its own, without a terminal; what it wrote, and its exit status. */
export async function domb(argv: readonly string[], options: DombOptions = {}): Promise<DombRun> {
  const { stdin = '', cwd = root, env = process.env, program = [dombProgram] } = options;
  const [command, ...before] = program;
  const child = spawn(command, [...before, ...argv], { cwd, env });
  const [out, error]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => error.push(chunk));
  // Many a command ends without having read its input.
  child.stdin.on('error', () => {});
  child.stdin.end(stdin);
  const status = await new Promise<number | undefined>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? undefined));
  });
  return { status, out: Buffer.concat(out).toString(), error: Buffer.concat(error).toString() };
}

/** The same with a terminal for what it writes, on which both kinds of output are one; `more` is added to the environment. */
export function dombInTerminal(
  argv: readonly string[],
  more: NodeJS.ProcessEnv = {},
): Promise<DombRun> {
  const line = [dombProgram, ...argv].map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
  const { NO_COLOR: _, ...env } = process.env;
  return domb([], {
    program: ['script', '--quiet', '--return', '--command', line, '/dev/null'],
    env: { ...env, ...more },
  });
}

/** A file of the tree. */
export function file(path: string): string {
  return join(root, path);
}
