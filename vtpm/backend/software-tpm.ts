import { type ChildProcess, spawn } from 'node:child_process';
import { chown, mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  closePlatformHierarchy,
  connectUnix,
  getTestResult,
  type HashAlgorithm,
  handles,
  nvUndefine,
  password,
  pcrAllocate,
  pcrBanks,
  selfTest,
  shutdown,
  startup,
  swtpmControl,
  TPM_RH,
  Tpm,
} from 'node-tpm2-pts';
import type { VtpmKey } from '../../domains/vtpm-keys.ts';
import type { LaunchItems } from '../../measurement/guest-launch.ts';
import { type Certification, certifyKeys, makeKeys } from './certify.ts';
import { failureResponse } from './failure.ts';
import { LOG_INDEX, measureLaunch } from './launch.ts';
import { type KeptState, StateFile } from './state-file.ts';
import { isListening } from './unix-socket.ts';

/** One guest's TPM 2.0. */
export interface GuestTpm {
  /** The UNIX socket where it answers commands, one connection at a time. */
  readonly socket: string;
  /** Number of the user that may connect to it; undefined: the one that this process is. */
  readonly uid?: number | undefined;
  /** Ends the TPM and forgets all it held. */
  stop(): Promise<void>;
}

/** A TPM that nobody but this process is connected to. */
export interface SoftwareTpm {
  /** User and group that it runs as; undefined: those of this process. */
  readonly uid: number | undefined;
  /** Gives the response to a command; a TPM that is gone answers TPM_RC_FAILURE. Never rejects. */
  transmit(command: Buffer): Promise<Buffer>;
  /** Gives up the connection: swtpm has one at a time. Gives the path of the socket that others reach it by. */
  release(): Promise<string>;
  /** Ends the TPM and forgets all it held. */
  stop(): Promise<void>;
}

export interface BlankTpmOptions {
  /** A directory for this TPM alone; it is made, and removed in the end. */
  directory: string;
  /** User and group that swtpm runs as, so that it can't touch other TPMs. Without it: as this process. */
  uid?: number | undefined;
  /** The PCR banks that it has. */
  banks: readonly HashAlgorithm[];
  /** The keys that will be certified; a TPM that lasts may have them already. */
  keys: readonly VtpmKey[];
  /** Where the TPM outlasts the boot: what it was, and where what it becomes is stored. It is closed when the TPM is stopped, not when it does not start. */
  kept?: KeptState | undefined;
}

/** Whose a TPM is to be. */
export interface TpmOwner {
  /** What its guest was started from; undefined where nobody knows. */
  launch: LaunchItems | undefined;
  /** How its keys are certified; undefined where domB made no authority for this domain. */
  certification?: Certification | undefined;
  /** Told once when swtpm ends by itself, or does not answer any more. */
  died: (how: string) => void;
}

/** A TPM that is nobody's yet: with its banks and keys, and tested, which is what takes long. */
export interface BlankTpm {
  /** Its swtpm has not ended. */
  readonly lives: boolean;
  /** Makes it a guest's; when that fails nothing is left of it. To be called once. */
  become(owner: TpmOwner): Promise<SoftwareTpm>;
  discard(): Promise<void>;
}

const START_TIMEOUT = 30_000;
/** All that a log could be in. */
const LOG_INDEXES = 0x100;
/** How long after its connection the end of a process is known, in milliseconds. */
const END_IS_SEEN = 1000;

/**
 * Starts swtpm: a fresh TPM 2.0, or the one that was kept, powered on, that has passed its self-test. It is never started anew: a TPM
 * whose registers were reset behind its guest's back would vouch for things that did not happen.
 */
export async function startBlankTpm(options: BlankTpmOptions): Promise<BlankTpm> {
  const { directory, uid, banks, keys, kept } = options;
  const state = join(directory, 'state');
  const socket = join(directory, 'data');
  const control = join(directory, 'control');
  await rm(directory, { recursive: true, force: true });
  // Its owner passes through the parent, and sees nothing there.
  await mkdir(dirname(directory), { recursive: true, mode: 0o711 });
  for (const path of [directory, state]) await mkdir(path, { mode: 0o700 });
  if (uid !== undefined) for (const path of [directory, state]) await chown(path, uid, uid);
  const file = kept && new StateFile(state, kept);
  await file?.restore(uid);
  const child = spawn(
    'swtpm',
    [
      ...['socket', '--tpm2', '--tpmstate', `dir=${state}`],
      ...['--server', `type=unixio,path=${socket}`, '--flags', 'not-need-init,startup-clear'],
      ...['--ctrl', `type=unixio,path=${control}`],
    ],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
      ...(uid === undefined ? {} : { uid, gid: uid }),
    },
  );
  const process = watched(child);
  const discard = async () => {
    child.kill('SIGKILL');
    await process.ended;
    await rm(directory, { recursive: true, force: true });
  };
  return orDiscard(async () => {
    await listening(socket, process);
    // A command may take as long as it takes, on a machine that has no time for it: only the end of swtpm ends the TPM.
    const transport = await connectUnix(socket, { timeout: 0 });
    const tpm = new Tpm(transport);
    await haveBanks(tpm, banks, () => swtpmControl(control).init());
    await passSelfTest(tpm);
    const made = kept?.newest === undefined ? await makeKeys(tpm, keys) : new Map();
    const become = async ({ launch, certification, died }: TpmOwner): Promise<SoftwareTpm> => {
      await removeLog(tpm);
      await measureLaunch(tpm, launch, banks);
      if (certification !== undefined) await certifyKeys(tpm, certification, banks, made);
      // Whoever holds the platform hierarchy clears the TPM and takes its banks away; nobody holds it from here on.
      await closePlatformHierarchy(tpm);
      await file?.storeChanges();
      let over = false;
      const lost = (how: string) => {
        if (!over) died(how);
        over = true;
      };
      void process.ended.then(lost);
      return {
        uid,
        transmit: async (command) => {
          try {
            const response = await transport.transmit(command);
            // The guest learns what the command did when nothing can undo it any more.
            await file?.storeChanges();
            return response;
          } catch (error) {
            // Mostly because swtpm ended; then that is what there is to say.
            const { message } = error as Error;
            void sleep(END_IS_SEEN, undefined, { ref: false }).then(() => lost(message));
            return failureResponse();
          }
        },
        release: async () => {
          await transport.close();
          return socket;
        },
        stop: async () => {
          over = true;
          await transport.close();
          await discard();
          kept?.close();
        },
      };
    };
    return {
      get lives() {
        return process.outcome() === undefined;
      },
      become: (owner) => orDiscard(() => become(owner), discard),
      discard,
    };
  }, discard);
}

async function orDiscard<T>(work: () => Promise<T>, discard: () => Promise<void>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await discard();
    throw error;
  }
}

interface Watched {
  /** Resolves, with how it ended, once the process is gone. */
  ended: Promise<string>;
  /** The same, at any time; undefined while it runs. */
  outcome(): string | undefined;
}

function watched(child: ChildProcess): Watched {
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

async function listening(socket: string, process: Watched): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT;
  while (!(await isListening(socket))) {
    const ended = process.outcome();
    if (ended !== undefined) throw new Error(ended);
    if (performance.now() > deadline) {
      throw new Error(`swtpm does not listen on ${socket} after ${START_TIMEOUT / 1000} s`);
    }
    await sleep(20);
  }
}

/** Gives a TPM the banks that it is to have, which takes a reset; one that lasts has them, if the platform is as it was. */
async function haveBanks(
  tpm: Tpm,
  banks: readonly HashAlgorithm[],
  reset: () => Promise<void>,
): Promise<void> {
  const all = await pcrBanks(tpm);
  const had = all.filter((bank) => bank.pcrs.length > 0).map(({ bank }) => bank);
  if (had.length === banks.length && banks.every((bank) => had.includes(bank))) return;
  const pcrs = [...new Set(all.flatMap((bank) => bank.pcrs))];
  const names = [...new Set([...all.map(({ bank }) => bank), ...banks])];
  await pcrAllocate(
    tpm,
    names.map((bank) => ({ bank, pcrs: banks.includes(bank) ? pcrs : [] })),
  );
  await shutdown(tpm);
  await reset();
  await startup(tpm);
}

async function passSelfTest(tpm: Tpm): Promise<void> {
  await selfTest(tpm);
  const { result } = await getTestResult(tpm);
  if (result !== 0) throw new Error(`the self-test of swtpm gave 0x${result.toString(16)}`);
}

/** A TPM that lasts has the log of the boot before, which may have been longer. */
async function removeLog(tpm: Tpm): Promise<void> {
  const indexes = await handles(tpm, LOG_INDEX);
  for (const index of indexes.filter((each) => each < LOG_INDEX + LOG_INDEXES)) {
    await nvUndefine(tpm, index, password(), TPM_RH.PLATFORM);
  }
}
