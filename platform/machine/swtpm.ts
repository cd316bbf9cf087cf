import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isListening } from '../../vtpm/backend/unix-socket.ts';
import { certifyTpm } from './ek-certificates.ts';
import { endsWithParent } from './ends-with-parent.ts';

/** A software TPM 2.0 as a QEMU peer. */
export interface MachineTpm {
  /** Path of the control socket that QEMU's `-chardev socket` connects to. */
  socket: string;
  stop(): Promise<void>;
}

/** What there is of the authority that certified the TPM, in the machine's directory. */
export const ekRootsFile = 'ek-roots.pem';
const authorityDirectory = 'tpm-authority';

/**
 * Starts swtpm with the state below `directory`: that of the same TPM in a boot before, where it was kept, else a fresh one.
 * Whether the TPM was shut down in order does not matter where firmware starts it with TPM2_Startup(CLEAR). One that is
 * `certified` has EK certificates, and `directory` the authority's.
 */
export async function startTpm(directory: string, certified: boolean): Promise<MachineTpm> {
  const state = resolve(directory, 'tpm-state');
  await mkdir(state, { recursive: true });
  if (certified) {
    const roots = await certifyTpm(state, resolve(directory, authorityDirectory));
    await writeFile(join(directory, ekRootsFile), roots);
  }
  const socket = join(resolve(directory), 'tpm.sock');
  const args = [
    'socket',
    '--tpm2',
    '--tpmstate',
    `dir=${state}`,
    '--ctrl',
    `type=unixio,path=${socket}`,
  ];
  const child = spawn(...endsWithParent('swtpm', [...args, '--terminate']), {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
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
