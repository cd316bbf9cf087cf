import { once } from 'node:events';
import { chmod, chown } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import type { GuestTpm, SoftwareTpm } from './software-tpm.ts';

/** A guest's TPM that swtpm serves itself: this process is not asked for any command. */
export async function servedBySwtpm(tpm: SoftwareTpm): Promise<GuestTpm> {
  return { socket: await tpm.release(), uid: tpm.uid, stop: () => tpm.stop() };
}

/**
 * A guest's TPM that this process serves, for one that has something to do between command and response.
 * @param path of the socket, where there is nothing, in a directory that nobody else writes
 */
export async function servedHere(tpm: SoftwareTpm, path: string): Promise<GuestTpm> {
  const { uid } = tpm;
  let server: Awaited<ReturnType<typeof serveCommands>>;
  try {
    server = await serveCommands(path, (command) => tpm.transmit(command), uid);
  } catch (error) {
    await tpm.stop();
    throw error;
  }
  return {
    socket: path,
    uid,
    stop: async () => {
      await server.close();
      await tpm.stop();
    },
  };
}

/** Size field of a command: after its tag, before its code. TPM 2.0 Library, Part 1, "Command/response structure". */
const SIZE_AT = 2;
const HEADER_SIZE = 10;
/** TPM_BUFFER_MAX of libtpms (0.9). */
const MOST = 4096;

/**
 * Answers TPM commands on a UNIX socket as swtpm does: one connection at a time, the next when the command of the one before is done.
 * @param transmit gives the response to a command; never rejects
 */
export async function serveCommands(
  path: string,
  transmit: (command: Buffer) => Promise<Buffer>,
  uid?: number,
): Promise<{ close(): Promise<void> }> {
  const open = new Set<Socket>();
  let turn: Promise<void> = Promise.resolve();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => open.delete(socket));
    turn = turn.then(() => serveOne(socket, transmit));
  });
  server.listen(path);
  await once(server, 'listening');
  await chmod(path, 0o600);
  if (uid !== undefined) await chown(path, uid, uid);
  return {
    close: async () => {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Serves a connection to its end, and the end of its last command; never rejects. */
async function serveOne(
  socket: Socket,
  transmit: (command: Buffer) => Promise<Buffer>,
): Promise<void> {
  let got = Buffer.alloc(0);
  try {
    for await (const chunk of socket) {
      got = Buffer.concat([got, chunk]);
      for (let size = sizeIn(got); size !== undefined && got.length >= size; size = sizeIn(got)) {
        const command = got.subarray(0, size);
        got = got.subarray(size);
        const response = await transmit(command);
        if (socket.destroyed) return;
        socket.write(response);
      }
    }
  } catch {
    // Whoever connects writes what it likes, and leaves when it likes.
  } finally {
    socket.destroy();
  }
}

/** Undefined where there is none yet. */
function sizeIn(bytes: Buffer): number | undefined {
  if (bytes.length < HEADER_SIZE) return undefined;
  const size = bytes.readUInt32BE(SIZE_AT);
  if (size < HEADER_SIZE || size > MOST) throw new Error(`a command of ${size} bytes`);
  return size;
}
