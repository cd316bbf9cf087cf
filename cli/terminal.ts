import { writeSync } from 'node:fs';
import type { Terminal } from './command.ts';
import { outputFailure } from './output.ts';

/** The terminal of this process. Node's own streams are set up only where they are needed: that takes as long as a small command. */
export const processTerminal: Terminal = {
  write(output) {
    try {
      writeAll(1, output);
    } catch (error) {
      throw outputFailure('standard output', error);
    }
  },
  writeError(text) {
    try {
      writeAll(2, text);
      // There is nowhere left to say that this can't be said.
    } catch {}
  },
  async read(most) {
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of process.stdin) {
      chunks.push(chunk as Buffer);
      size += (chunk as Buffer).length;
      if (size > most) break;
    }
    return Buffer.concat(chunks);
  },
  // https://no-color.org: any value that is not empty.
  get colour() {
    return !process.env.NO_COLOR && process.stderr.isTTY === true;
  },
};

/** Pause before a reader that is behind is tried again. */
const PAUSE_MILLISECONDS = 5;

function writeAll(descriptor: number, output: string | Uint8Array): void {
  const bytes = typeof output === 'string' ? Buffer.from(output) : output;
  for (let done = 0; done < bytes.length; ) {
    try {
      done += writeSync(descriptor, bytes, done);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // A reader that closes the pipe early, such as head, has seen what it wanted.
      if (code === 'EPIPE') return;
      if (code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MILLISECONDS);
    }
  }
}
