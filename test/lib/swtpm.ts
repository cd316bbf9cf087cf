import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectUnix, Tpm } from 'node-tpm2-pts';
import { isListening } from '../../vtpm/backend/unix-socket.ts';

const START_TIMEOUT = 10_000;

/** A software TPM for one test, with state of its own. */
export interface Swtpm {
  /** Data channel: raw TPM commands, one connection at a time. */
  readonly socket: string;
  /** Control channel, named as the TCTI expects it. */
  readonly control: string;
  /** For TPM2TOOLS_TCTI. Close all other connections first. */
  readonly tcti: string;
  connect(): Promise<Tpm>;
  stop(): Promise<void>;
}

/**
 * Starts swtpm 2.0 on UNIX sockets. A fresh, absolute state directory: swtpm answers TPM_RC_FAILURE when it is started
 * again on state that was in use.
 */
export async function startSwtpm({
  flags = 'not-need-init,startup-clear',
  prepare = async () => {},
}: {
  flags?: string;
  /** Fills the state directory before the start. */
  prepare?: (state: string) => Promise<unknown>;
} = {}): Promise<Swtpm> {
  const directory = await mkdtemp(join(tmpdir(), 'domb-swtpm-'));
  const state = join(directory, 'state');
  await mkdir(state);
  await prepare(state);
  const socket = join(directory, 'sock');
  const control = `${socket}.ctrl`;
  const child = spawn(
    'swtpm',
    [
      'socket',
      '--tpm2',
      ['--tpmstate', `dir=${state}`],
      ['--server', `type=unixio,path=${socket}`],
      ['--ctrl', `type=unixio,path=${control}`],
      flags ? ['--flags', flags] : [],
    ].flat(),
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const stop = async () => {
    await ended(child);
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await listening(child, socket);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    socket,
    control,
    tcti: `swtpm:path=${socket}`,
    connect: async () => new Tpm(await connectUnix(socket)),
    stop,
  };
}

async function listening(child: ChildProcess, socket: string): Promise<void> {
  let failure: string | undefined;
  let output = '';
  child.stderr?.on('data', (chunk) => {
    output += chunk;
  });
  child.on('error', (error) => {
    failure = error.message;
  });
  const deadline = Date.now() + START_TIMEOUT;
  while (!(await isListening(socket))) {
    if (failure) throw new Error(`swtpm: ${failure}`);
    if (child.exitCode !== null) throw new Error(`swtpm ended with ${child.exitCode}: ${output}`);
    if (Date.now() > deadline) throw new Error(`swtpm: no socket within ${START_TIMEOUT} ms`);
    await sleep(5);
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise((resolve) => child.once('exit', resolve));
  child.kill();
  await exit;
}

/** The process of the swtpm whose state is below `directory`. */
export async function swtpmOf(directory: string): Promise<number> {
  for (const pid of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))) {
    const words = await readFile(join('/proc', pid, 'cmdline'), 'utf8').catch(() => '');
    if (words.startsWith('swtpm\0') && words.includes(`dir=${directory}/`)) return Number(pid);
  }
  throw new Error(`no swtpm works in ${directory}`);
}
