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
 * knows, and each has nonces of its own. They share a session until one of them fails,
 * or it is closed.
 */
export class RootIndex {
  readonly #tpm: Tpm;
  readonly #value: Buffer;
  readonly #name: Buffer;
  /** Undefined while somebody uses it. */
  #session: HmacSession | undefined;

  /** @param name of the index once it is written, as who made it knows it */
  constructor(tpm: Tpm, value: Buffer, name: Buffer) {
    this.#tpm = tpm;
    this.#value = value;
    this.#name = name;
  }

  /** @throws {Tpm2Error} where the TPM does not answer, does not let us, or somebody else answers for it */
  async read(): Promise<Buffer> {
    const isNew = this.#session === undefined;
    const read = () =>
      this.#within((authorization) =>
        nvRead(this.#tpm, INDEXES.root, { size: KEY_SIZE }, { authorization }),
      );
    try {
      return await read();
    } catch (error) {
      // A session ends with the connection of whoever passes commands on.
      if (isNew) throw error;
      return read();
    }
  }

  /** @throws {Tpm2Error} as {@link read}; whether it was extended is then unknown */
  extend(listHash: Buffer): Promise<void> {
    return this.#within((authorization) =>
      nvExtend(this.#tpm, INDEXES.root, listHash, { authorization }),
    );
  }

  /** Ends the session, which would stay in the TPM; the next use has another. */
  async close(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    if (session !== undefined) await this.#end(session);
  }

  async #within<T>(use: (authorization: ReturnType<HmacSession['authorize']>) => Promise<T>) {
    const session = this.#session ?? (await this.#start());
    this.#session = undefined;
    let good = false;
    try {
      const result = await use(session.authorize(this.#value));
      good = true;
      return result;
    } finally {
      if (good && this.#session === undefined) this.#session = session;
      else await this.#end(session);
    }
  }

  async #end({ handle }: HmacSession): Promise<void> {
    await flushContext(this.#tpm, handle).catch(() => {});
  }

  async #start(): Promise<HmacSession> {
    const session = await startUnsaltedSession(this.#tpm);
    session.names.set(INDEXES.root, this.#name);
    return session;
  }
}
