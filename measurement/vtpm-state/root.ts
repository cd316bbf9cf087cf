import { hkdfSync } from 'node:crypto';
import {
  digest,
  flushContext,
  type HmacSession,
  nvExtend,
  nvRead,
  startUnsaltedSession,
  type Tpm,
} from 'node-tpm2-pts';
import { INDEXES, KEY_SIZE } from './indexes.ts';

/**
 * What the root index holds follows from all lists of states that there were, in their order: each is the hash of the one before and
 * the list's hash. A list of before never fits again, whatever is written to the index afterwards.
 */
export const nextRoot = (before: Buffer, listHash: Buffer): Buffer =>
  digest('sha256', before, listHash);

/** What the first root is made with. */
export const BEGINNING = digest('sha256', Buffer.from('domb vtpm state: nothing yet'));

/** The root of a platform that has stored nothing yet. */
export const FIRST_ROOT = nextRoot(Buffer.alloc(KEY_SIZE), BEGINNING);

/** The authorization value of the root index, from the key that all states are encrypted under. */
export const rootValue = (key: Buffer): Buffer =>
  Buffer.from(hkdfSync('sha256', key, Buffer.alloc(0), 'domb vtpm state: root index', KEY_SIZE));

/**
 * The root index, through whoever passes commands to the TPM: commands and responses carry HMACs by a value that nobody else
 * knows, and each has nonces of its own. Each of these uses a session of its own.
 */
export class RootIndex {
  readonly #tpm: Tpm;
  readonly #value: Buffer;
  readonly #name: Buffer;

  /** @param name of the index once it is written, as who made it knows it */
  constructor(tpm: Tpm, value: Buffer, name: Buffer) {
    this.#tpm = tpm;
    this.#value = value;
    this.#name = name;
  }

  /** @throws {Tpm2Error} where the TPM does not answer, does not let us, or somebody else answers for it */
  read(): Promise<Buffer> {
    return this.#within((authorization) =>
      nvRead(this.#tpm, INDEXES.root, { size: KEY_SIZE }, { authorization }),
    );
  }

  /** @throws {Tpm2Error} as {@link read}; whether it was extended is then unknown */
  extend(listHash: Buffer): Promise<void> {
    return this.#within((authorization) =>
      nvExtend(this.#tpm, INDEXES.root, listHash, { authorization }),
    );
  }

  async #within<T>(use: (authorization: ReturnType<HmacSession['authorize']>) => Promise<T>) {
    const session = await startUnsaltedSession(this.#tpm);
    session.names.set(INDEXES.root, this.#name);
    try {
      return await use(session.authorize(this.#value));
    } finally {
      await flushContext(this.#tpm, session.handle).catch(() => {});
    }
  }
}
