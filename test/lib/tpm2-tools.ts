import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectUnix, Tpm, type Transport } from 'node-tpm2-pts';
import { runProgram } from '../../platform/lib/run.ts';
import { type Swtpm, startSwtpm } from './swtpm.ts';

/**
 * One software TPM, used in turn by us and by tpm2-tools: swtpm serves one connection at a time, so ours is closed while
 * a tool runs.
 */
export class SharedTpm {
  readonly #swtpm: Swtpm;
  /** Where the tools run and leave their files. */
  readonly directory: string;
  #transport: Transport;
  tpm: Tpm;

  private constructor(swtpm: Swtpm, directory: string, transport: Transport) {
    this.#swtpm = swtpm;
    this.directory = directory;
    this.#transport = transport;
    this.tpm = new Tpm(transport);
  }

  static async start(): Promise<SharedTpm> {
    const swtpm = await startSwtpm();
    const directory = await mkdtemp(join(tmpdir(), 'domb-tpm2-tools-'));
    return new SharedTpm(swtpm, directory, await connectUnix(swtpm.socket));
  }

  /** Path of a file in the tools' directory. */
  file(name: string): string {
    return join(this.directory, name);
  }

  /** Sends one command as it is, while `tpm` sends none. */
  transmit(command: Buffer): Promise<Buffer> {
    return this.#transport.transmit(command);
  }

  /**
   * Runs one tool, given as one line without quoting, and flushes the transient objects it left: without a resource
   * manager they would fill the TPM's slots.
   */
  async tool(line: string): Promise<string> {
    await this.tpm.close();
    try {
      const output = await this.#run(line);
      await this.#run('tpm2_flushcontext -t');
      return output;
    } finally {
      this.#transport = await connectUnix(this.#swtpm.socket);
      this.tpm = new Tpm(this.#transport);
    }
  }

  async stop(): Promise<void> {
    await this.tpm.close();
    await this.#swtpm.stop();
    await rm(this.directory, { recursive: true, force: true });
  }

  #run(line: string): Promise<string> {
    const [command = '', ...args] = line.split(' ');
    const env = { ...process.env, TPM2TOOLS_TCTI: this.#swtpm.tcti };
    return runProgram(command, args, { cwd: this.directory, env });
  }
}
