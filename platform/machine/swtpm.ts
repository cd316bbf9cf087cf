import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isListening } from '../lib/unix-socket.ts';

/** A software TPM 2.0 as a QEMU peer. */
export interface MachineTpm {
  /** Path of the control socket that QEMU's `-chardev socket` connects to. */
  socket: string;
  stop(): Promise<void>;
}

/**
 * Starts swtpm with fresh state below `directory`. The TPM's state must not be reused: a TPM that was not shut down
 * in order refuses its next start with TPM_RC_INITIALIZE.
 */
export async function startTpm(directory: string): Promise<MachineTpm> {
  const state = resolve(directory, 'tpm-state');
  await mkdir(state, { recursive: true });
  const socket = join(resolve(directory), 'tpm.sock');
  const args = [
    'socket',
    '--tpm2',
    '--tpmstate',
    `dir=${state}`,
    '--ctrl',
    `type=unixio,path=${socket}`,
  ];
  const child = spawn('swtpm', [...args, '--terminate'], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  const ended = new Promise<void>((done) => child.once('close', () => done()));
  child.once('error', (error) => {
    said += error.message;
  });
  for (let tries = 0; !(await isListening(socket)); tries++) {
    if (tries > 100 || child.exitCode !== null || child.pid === undefined) {
      child.kill('SIGKILL');
      throw new Error(`swtpm does not listen on ${socket}: ${said.trim() || 'no message'}`);
    }
    await sleep(50);
  }
  return { socket, stop: () => stop(child, ended) };
}

async function stop(child: ChildProcess, ended: Promise<void>): Promise<void> {
  child.kill('SIGTERM');
  await ended;
}
