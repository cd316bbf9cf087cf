import { spawn } from 'node:child_process';

export interface RunOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Text or bytes given to the command's standard input; without it the command reads nothing. */
  input?: string | Uint8Array;
}

/** A program that could not be started, or failed. */
export class RunError extends Error {
  override name = 'RunError';
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

/**
 * Runs a program without a shell and returns what it wrote to standard output, as bytes.
 * Fails with the command line, the exit status and the last lines of its standard error.
 */
export async function runBytes(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Buffer> {
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  const output: Buffer[] = [];
  const errors: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => output.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => errors.push(chunk));
  // A command that stops reading early ends with its own status; EPIPE here adds nothing to it.
  child.stdin?.on('error', () => {});
  child.stdin?.end(options.input);
  const status = await new Promise<string | number>((resolve, reject) => {
    child.on('error', (error) => reject(startFailure(command, error)));
    child.on('close', (code, signal) => resolve(signal ?? code ?? -1));
  });
  if (status !== 0) {
    const text = Buffer.concat([...output, ...errors]).toString();
    const tail = text.trimEnd().split('\n').slice(-25).join('\n');
    const message = `${[command, ...args].join(' ')}: ended with ${status}\n${tail}`;
    throw new RunError(message, `that is the last of what ${command} said`);
  }
  return Buffer.concat(output);
}

/** The same as {@link runBytes}, with standard output as text. */
export async function runProgram(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  return (await runBytes(command, args, options)).toString();
}

function startFailure(command: string, error: NodeJS.ErrnoException): RunError {
  return error.code === 'ENOENT'
    ? new RunError(`${command} is not installed`, 'install the package that has it')
    : new RunError(`${command}: ${error.message}`, 'check the program');
}
