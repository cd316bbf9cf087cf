import { Writer } from '../codec/writer.ts';
import { TpmTransportError } from '../errors.ts';

/** Control commands. swtpm, include/swtpm/tpm_ioctl.h; man swtpm_ioctl. */
const COMMANDS = { init: 2, shutdown: 3, setLocality: 5, stop: 14 } as const;

/** PTM_INIT_FLAG_DELETE_VOLATILE: forget what was stored for a resume. */
const INIT_DELETE_VOLATILE = 1;
/** Powering on may have to load and check state. */
const TIMEOUT = 30_000;

export interface SwtpmControl {
  /** Powers the TPM on, or resets it. The data channel answers only after this, unless swtpm has `not-need-init`. */
  init(): Promise<void>;
  /** Sets the locality, 0 to 4, of the commands that follow on the data channel. */
  setLocality(locality: number): Promise<void>;
  /** Powers the TPM off; init powers it on again. */
  stop(): Promise<void>;
  /** Ends the swtpm process. */
  shutdown(): Promise<void>;
}

/**
 * Controls swtpm over the UNIX socket of its control channel (`--ctrl type=unixio,path=…`): what stands in for the
 * platform's power and bus. Each call opens a connection of its own, because swtpm serves one at a time.
 */
export function swtpmControl(path: string): SwtpmControl {
  return {
    init: () => send(path, 'init', new Writer().u32(COMMANDS.init).u32(INIT_DELETE_VOLATILE)),
    setLocality: (locality) =>
      send(path, 'setLocality', new Writer().u32(COMMANDS.setLocality).u8(locality)),
    stop: () => send(path, 'stop', new Writer().u32(COMMANDS.stop)),
    shutdown: () => send(path, 'shutdown', new Writer().u32(COMMANDS.shutdown)),
  };
}

async function send(path: string, name: string, command: Writer): Promise<void> {
  const result = await exchange(path, name, command.toBuffer());
  if (result === 0) return;
  throw new TpmTransportError(
    `${path}: ${name}: swtpm answered 0x${result.toString(16)}`,
    'see the log of swtpm',
  );
}

/** Sends `command` and resolves to the result, a u32 of libtpms (0 is success). */
async function exchange(path: string, name: string, command: Buffer): Promise<number> {
  const { connect } = await import('node:net');
  return new Promise((resolve, reject) => {
    const fail = (what: string, cause?: Error) => {
      socket.destroy();
      const hint = 'is swtpm running with --ctrl on this socket?';
      reject(new TpmTransportError(`${path}: ${name}: ${what}`, hint, { cause }));
    };
    let received = Buffer.alloc(0);
    const socket = connect({ path }, () => socket.write(command));
    socket.setTimeout(TIMEOUT, () => fail(`no answer within ${TIMEOUT} ms`));
    socket.on('error', (error: NodeJS.ErrnoException) => fail(error.code ?? error.message, error));
    socket.on('close', () => fail('swtpm closed the connection'));
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 4) return;
      resolve(received.readUInt32BE(0));
      socket.destroy();
    });
  });
}
