import { type ChildProcess, spawn } from 'node:child_process';
import { chown, mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectUnix, startup, swtpmControl, Tpm, type Transport } from 'node-tpm2-pts';
import { isListening } from './unix-socket.ts';

export interface SwtpmOptions {
  /** A directory for this TPM alone; it is made, and removed in the end. */
  directory: string;
  /** User and group that swtpm runs as, so that it can't touch other TPMs. Without it: as this process. */
  uid?: number | undefined;
}

/** A process that is to be a TPM: it is off until its power comes on. */
export interface Swtpm {
  readonly uid: number | undefined;
  /** The directory where it looks for its state when it is powered on, and where it keeps it. */
  readonly state: string;
  /** The UNIX socket where it answers commands, one connection at a time. */
  readonly socket: string;
  /** It has not ended. */
  readonly lives: boolean;
  /** Resolves, with how it ended, once it is gone. */
  readonly ended: Promise<string>;
  /** Powers it on, with TPM2_Startup(CLEAR), and connects to it. */
  powerOn(): Promise<Transport>;
  /** Takes its power away and gives it back. */
  reset(): Promise<void>;
  /** Ends it and forgets all it held. */
  discard(): Promise<void>;
}

const START_TIMEOUT = 30_000;

/** Starts swtpm. That takes as long as all that it does later to become a TPM, and can be done before anybody knows whose it will be. */
export async function startSwtpm({ directory, uid }: SwtpmOptions): Promise<Swtpm> {
  const state = join(directory, 'state');
  const socket = join(directory, 'data');
  const control = join(directory, 'control');
  await rm(directory, { recursive: true, force: true });
  // Its owner passes through the parent, and sees nothing there.
  await mkdir(dirname(directory), { recursive: true, mode: 0o711 });
  for (const path of [directory, state]) await mkdir(path, { mode: 0o700 });
  if (uid !== undefined) for (const path of [directory, state]) await chown(path, uid, uid);
  const child = spawn(
    'swtpm',
    [
      ...['socket', '--tpm2', '--tpmstate', `dir=${state}`],
      ...['--server', `type=unixio,path=${socket}`, '--ctrl', `type=unixio,path=${control}`],
    ],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
      ...(uid === undefined ? {} : { uid, gid: uid }),
    },
  );
  const { ended, outcome } = watched(child);
  const discard = async () => {
    child.kill('SIGKILL');
    await ended;
    await rm(directory, { recursive: true, force: true });
  };
  const reset = () => swtpmControl(control).init();
  try {
    await listening(socket, outcome);
  } catch (error) {
    await discard();
    throw error;
  }
  return {
    ...{ uid, state, socket, ended, discard },
    get lives() {
      return outcome() === undefined;
    },
    reset,
    async powerOn() {
      await reset();
      // A command may take as long as it takes, on a machine that has no time for it: only the end of swtpm ends the TPM.
      const transport = await connectUnix(socket, { timeout: 0 });
      await startup(new Tpm(transport));
      return transport;
    },
  };
}

/** How a process ended, once it has, and at any time; undefined while it runs. */
function watched(child: ChildProcess): {
  ended: Promise<string>;
  outcome: () => string | undefined;
} {
  let said = '';
  let outcome: string | undefined;
  child.stderr?.on('data', (chunk) => {
    said = `${said}${chunk}`.slice(-1000);
  });
  const ended = new Promise<string>((resolve) => {
    const end = (how: string) => {
      outcome ??= `swtpm ${how}${said === '' ? '' : `: ${said.trim()}`}`;
      resolve(outcome);
    };
    child.once('error', (error) => end(`does not run: ${error.message}`));
    child.once('close', (status, signal) => end(`ended with ${signal ?? `status ${status}`}`));
  });
  return { ended, outcome: () => outcome };
}

async function listening(socket: string, outcome: () => string | undefined): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT;
  while (!(await isListening(socket))) {
    const ended = outcome();
    if (ended !== undefined) throw new Error(ended);
    if (performance.now() > deadline) {
      throw new Error(`swtpm does not listen on ${socket} after ${START_TIMEOUT / 1000} s`);
    }
    await sleep(20);
  }
}
