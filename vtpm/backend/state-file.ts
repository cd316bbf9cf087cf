import { chown, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { GuestState } from '../state/guest-states.ts';

/** A state that outlasts the boot. */
export type KeptState = Pick<GuestState, 'newest' | 'store' | 'close'>;

/** What swtpm keeps of a TPM 2.0 when that is off, in its state directory. It is written anew, and renamed, in each change. */
const FILE = 'tpm2-00.permall';

/** The file in which swtpm has what outlasts a TPM's being off, and what is stored of it. */
export class StateFile {
  readonly #path: string;
  readonly #kept: KeptState;
  /** Which file it was when it was stored. */
  #stored = '';
  #storing: Promise<void> = Promise.resolve();

  /** @param directory of swtpm's state */
  constructor(directory: string, kept: KeptState) {
    this.#path = join(directory, FILE);
    this.#kept = kept;
  }

  /** Puts what was stored where swtpm finds it. */
  async restore(uid: number | undefined): Promise<void> {
    const { newest } = this.#kept;
    if (newest === undefined) return;
    await writeFile(this.#path, newest, { mode: 0o600 });
    if (uid !== undefined) await chown(this.#path, uid, uid);
  }

  /**
   * Stores the state if the last command changed it: swtpm has written it when it answers.
   * @throws Error when it can't be stored any more
   */
  storeChanges(): Promise<void> {
    // Whoever comes meanwhile waits until that is stored, and has often nothing to store then.
    const stored = this.#storing.then(() => this.#storeChanges());
    this.#storing = stored.catch(() => {});
    return stored;
  }

  async #storeChanges(): Promise<void> {
    const { ino, mtimeNs, size } = await stat(this.#path, { bigint: true });
    const present = `${ino} ${mtimeNs} ${size}`;
    if (present === this.#stored) return;
    await this.#kept.store(await readFile(this.#path));
    this.#stored = present;
  }
}
