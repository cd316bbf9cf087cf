import { setTimeout as sleep } from 'node:timers/promises';
import {
  closePlatformHierarchy,
  getTestResult,
  type HashAlgorithm,
  pcrAllocate,
  pcrBanks,
  selfTest,
  shutdown,
  startup,
  Tpm,
} from 'node-tpm2-pts';
import type { VtpmKey } from '../../domains/vtpm-keys.ts';
import type { LaunchItems } from '../../measurement/guest-launch.ts';
import { type Certification, certifyKeys, makeKeys } from './certify.ts';
import { failureResponse } from './failure.ts';
import { measureLaunch } from './launch.ts';
import { PlatformIndexes } from './platform-index.ts';
import { type KeptState, StateFile } from './state-file.ts';
import type { Swtpm } from './swtpm.ts';

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

/** A TPM that is nobody's yet, with its banks and keys. */
export interface BlankTpm {
  /** Its swtpm has not ended. */
  readonly lives: boolean;
  /** Has it pass its self-test, which takes long, before it is somebody's. */
  test(): Promise<void>;
  /**
   * Makes it a guest's; when that fails nothing is left of it. To be called once. One that lasts is the guest's before it has passed
   * its self-test, if it has not, and before what became of it is stored: its first response comes after that.
   */
  become(owner: TpmOwner): Promise<SoftwareTpm>;
  discard(): Promise<void>;
}

/** How long after its connection the end of a process is known, in milliseconds. */
const END_IS_SEEN = 1000;

/**
 * Makes a process a TPM 2.0: a fresh one, or the one that was kept, powered on. When that fails nothing is left of it. It is never started anew: a TPM
 * whose registers were reset behind its guest's back would vouch for things that did not happen.
 */
export async function startBlankTpm(swtpm: Swtpm, options: BlankTpmOptions): Promise<BlankTpm> {
  const { banks, keys, kept } = options;
  const { uid, socket } = swtpm;
  const discard = () => swtpm.discard();
  const file = kept && new StateFile(swtpm.state, kept);
  return orDiscard(async () => {
    await file?.restore(uid);
    const transport = await swtpm.powerOn();
    const tpm = new Tpm(transport);
    await haveBanks(tpm, banks, () => swtpm.reset());
    const made = kept?.newest === undefined ? await makeKeys(tpm, keys) : new Map();
    let tested: Promise<void> | undefined;
    const test = () => {
      tested ??= passSelfTest(tpm);
      return tested;
    };
    const become = async ({ launch, certification, died }: TpmOwner): Promise<SoftwareTpm> => {
      // It takes one command at a time.
      await tested;
      const indexes = await PlatformIndexes.of(tpm);
      await measureLaunch(indexes, launch, banks);
      if (certification !== undefined) {
        await certifyKeys(indexes, certification, banks, made);
      }
      // Whoever holds the platform hierarchy clears the TPM and takes its banks away; nobody holds it from here on.
      await closePlatformHierarchy(tpm);
      const ready = Promise.all([test(), file?.storeChanges()]);
      if (file === undefined) await ready;
      let over = false;
      const lost = (how: string) => {
        if (!over) died(how);
        over = true;
      };
      ready.catch((error: Error) => lost(error.message));
      void swtpm.ended.then(lost);
      return {
        uid,
        transmit: async (command) => {
          try {
            await ready;
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
        return swtpm.lives;
      },
      test,
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
