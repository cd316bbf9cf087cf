import { rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { isListening } from '../../vtpm/backend/unix-socket.ts';

/**
 * Has a demo that runs be found, and ended, through the UNIX socket at `path`: there is one demo for a directory. Fails when
 * another one has it. `end` is called when somebody asks for it.
 */
export async function openControl(path: string, end: () => void): Promise<Server> {
  if (await isListening(path)) {
    throw new Error(
      'a demo runs here already: end it with "npm run demo -- --stop", or give another directory with --output',
    );
  }
  // Left by one that was killed.
  await rm(path, { force: true });
  const server = createServer((asking) => {
    asking.on('error', () => {}).on('data', end);
  });
  await new Promise<void>((listening, failed) => {
    server.once('error', failed).listen(path, listening);
  });
  // It does not keep a demo alive that is over.
  return server.unref();
}

/** Ends the demo at `path`. Resolves when it has ended, with false when there is none. */
export function endDemo(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const demo = connect(path);
    let connected = false;
    demo.once('connect', () => {
      connected = true;
      demo.write('stop\n');
    });
    demo.on('error', () => {}).once('close', () => resolve(connected));
  });
}
