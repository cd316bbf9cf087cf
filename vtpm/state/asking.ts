import type { Transport } from 'node-tpm2-pts';
import type { Store } from '../backend/store.ts';
import { LARGEST_MESSAGE, letterIn, letterPath, MAILBOX, putLetter, saidPath } from './mailbox.ts';
import {
  decodeAnswer,
  encodeMessage,
  MOST_PUT,
  type StoreAnswer,
  type StoreRequest,
} from './messages.ts';
import { LARGEST_OBJECT, type NamedObject, type ObjectName, type ObjectStore } from './objects.ts';

/** Bytes of an object in one message: the rest of it is for the line that says what it is. */
export const PART_OF_OBJECT = LARGEST_MESSAGE - 1024;

/** Hashes in one message: a name takes less than a hundred bytes. */
export const MOST_NAMES = Math.floor(LARGEST_MESSAGE / 120);

/** Characters of what is left for the operator. */
const MOST_SAID = 500;

/** How long dom0 may take for one answer, in milliseconds: a disk that sleeps, a TPM that is busy. */
const PATIENCE = 20_000;

/** dom0 as the vTPM domain asks it. One question is asked at a time; what comes for another is left. */
export class Dom0 {
  readonly #store: Store;
  readonly #patience: number;
  /** Of the last question. Where it begins is of no matter: dom0 answers each number once. */
  #number = Date.now() % 1_000_000_000;
  #last: Promise<unknown> = Promise.resolve();
  #changed: () => void = () => {};

  constructor(store: Store, { patience = PATIENCE } = {}) {
    this.#store = store;
    this.#patience = patience;
  }

  /** Follows xenstore; ends only when that fails. */
  async serve(): Promise<never> {
    this.#store.watch(letterPath(MAILBOX, 'answer'), MAILBOX);
    for (;;) {
      await this.#store.nextChanges();
      this.#changed();
    }
  }

  /** Leaves a word for dom0's operator; what it is about waits. */
  tell(text: string): void {
    try {
      this.#store.write(saidPath(MAILBOX), text.slice(0, MOST_SAID));
    } catch {
      // Nothing may wait, or end, because nobody can be told why.
    }
  }

  /** @throws Error where dom0 does not answer, or says that it could not do it */
  ask(request: StoreRequest): Promise<StoreAnswer> {
    const answered = this.#last.then(() => this.#ask(encodeMessage(request)));
    this.#last = answered.catch(() => {});
    return answered;
  }

  async #ask(bytes: Buffer): Promise<StoreAnswer> {
    const number = String(++this.#number);
    putLetter(this.#store, MAILBOX, 'request', { number, bytes });
    const deadline = performance.now() + this.#patience;
    for (;;) {
      const left = deadline - performance.now();
      if (left <= 0) throw new Error('dom0 does not answer: does "domb vtpm-state serve" run?');
      const letter = letterIn(this.#store, MAILBOX, 'answer', (one) => one === number);
      if (letter !== undefined) return checked(decodeAnswer(letter.bytes));
      await this.#change(left);
    }
  }

  #change(within: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, within);
      this.#changed = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

function checked(answer: StoreAnswer): StoreAnswer {
  if (answer.problem === undefined) return answer;
  throw new Error(`dom0 says: ${answer.problem.slice(0, 300)}`);
}

async function putSome(dom0: Pick<Dom0, 'ask'>, those: readonly NamedObject[]): Promise<void> {
  const objects = those.map(({ name, bytes }) => ({ ...name, size: bytes.length }));
  const all = Buffer.concat(those.map(({ bytes }) => bytes));
  for (let offset = 0; offset === 0 || offset < all.length; offset += PART_OF_OBJECT) {
    const part = all.subarray(offset, offset + PART_OF_OBJECT);
    await dom0.ask({ ask: 'put', objects, offset, part });
  }
}

/** The store that dom0 keeps. */
export function askedStore(dom0: Pick<Dom0, 'ask'>): ObjectStore {
  return {
    async put(objects) {
      for (let first = 0; first < objects.length; first += MOST_PUT) {
        await putSome(dom0, objects.slice(first, first + MOST_PUT));
      }
    },
    async get(name) {
      const parts: Buffer[] = [];
      let [have, size]: [number, number | undefined] = [0, 0];
      do {
        const answer = await dom0.ask({ ask: 'get', name, offset: have });
        size = answer.size;
        if (size === undefined) return undefined;
        const part = answer.part ?? Buffer.alloc(0);
        if (size > LARGEST_OBJECT || (part.length === 0 && have < size)) {
          throw new Error('dom0 gives an object without an end');
        }
        parts.push(part);
        have += part.length;
      } while (have < size);
      return Buffer.concat(parts);
    },
    async lists() {
      return [...((await dom0.ask({ ask: 'lists' })).names ?? [])];
    },
    async keep(names: readonly ObjectName[]) {
      // Where they are too many for a message, nothing goes.
      if (names.length <= MOST_NAMES) await dom0.ask({ ask: 'keep', names });
    },
    async resets() {
      return [...((await dom0.ask({ ask: 'resets' })).names ?? [])];
    },
    async wasReset(guest) {
      await dom0.ask({ ask: 'was-reset', guest });
    },
  };
}

/** The machine's TPM, as dom0 passes commands to it. */
export function passedTpm(dom0: Pick<Dom0, 'ask'>): Transport {
  return {
    description: "the machine's TPM",
    async transmit(command) {
      const { part } = await dom0.ask({ ask: 'tpm', part: command });
      if (part === undefined) throw new Error("dom0 gives no response of the machine's TPM");
      return part;
    },
    async close() {},
  };
}
