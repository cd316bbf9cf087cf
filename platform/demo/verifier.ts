import { spawn } from 'node:child_process';
import { join } from 'node:path';

const program = join(import.meta.dirname, '../../bin/domb');

export interface VerifierRun {
  status: number;
  /** What it wrote on both channels. */
  said: string;
}

/** The verifier's side of the demo: this machine, with the command domb as users have it. */
export class Verifier {
  /** The commands that were run, as a reader can run them again. */
  readonly commands: string[] = [];

  /** Runs `domb`; fails when it ends with none of `statuses`. */
  async domb(argv: readonly string[], statuses: readonly number[] = [0]): Promise<VerifierRun> {
    const line = ['npm run domb --', ...argv.map(quoted)].join(' ');
    this.commands.push(line);
    const child = spawn(program, argv, { stdio: ['ignore', 'pipe', 'pipe'] });
    const said: Buffer[] = [];
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => said.push(chunk));
    }
    const status = await new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => resolve(code ?? -1));
    });
    const run = { status, said: Buffer.concat(said).toString() };
    if (statuses.includes(status)) return run;
    throw new Error(`${line}: ended with ${status}\n${run.said.trimEnd()}`);
  }
}

const quoted = (word: string) =>
  /^[\w./:=@,+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
