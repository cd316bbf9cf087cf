import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import { startThread } from './apart.ts';
import type { FromScript } from './protocol.ts';

/** Bytes; whatever is larger is no script. */
export const MOST_SCRIPT = 1 << 20;

/** Milliseconds; a thread that does not answer by then never will. */
const PATIENCE = 30_000;

/**
 * What keeps a script from being run, as far as that can be seen without running it: it must parse, import nothing and
 * have a default export. Blocks until that is known.
 * @param file its name; by its ending it is TypeScript or JavaScript
 * @returns the place and the mistake in one line, or nothing
 */
export function scriptFault(file: string, source: string): string | undefined {
  const { port1, port2 } = new MessageChannel();
  const signal = new Int32Array(new SharedArrayBuffer(4));
  const blocking = { port: port2, signal };
  const worker = startThread({ scripts: [{ file, source }], blocking }, [port2]);
  try {
    Atomics.wait(signal, 0, 0, PATIENCE);
    const message = receiveMessageOnPort(port1)?.message as FromScript | undefined;
    if (message?.kind === 'done') return undefined;
    if (message?.kind === 'failed') return `${message.at}: ${message.what}`;
    throw new Error(`${file}: the thread that looks at the script gives no answer`);
  } finally {
    port1.close();
    void worker.terminate();
  }
}
