import { COMMAND_CODES, type CommandName, type Transport } from 'node-tpm2-pts';
import type { Store } from '../backend/store.ts';
import { PART_OF_OBJECT } from './asking.ts';
import { letterIn, letterPath, MAILBOX, numberIn, putLetter, saidPath } from './mailbox.ts';
import { decodeRequest, encodeMessage, type StoreAnswer, type StoreRequest } from './messages.ts';
import type { ObjectStore } from './objects.ts';

/** All that the vTPM domain wants of the machine's TPM: it is dom0's, and not the vTPM domain's. */
const PASSED: readonly CommandName[] = [
  'StartAuthSession',
  'FlushContext',
  'GetCapability',
  'NV_ReadPublic',
  'NV_Read',
  'NV_Extend',
];

export interface ServingOptions {
  /** xenstore as dom0 sees it. */
  store: Store;
  /** Domid of the vTPM domain. */
  domid: number;
  objects: ObjectStore;
  /** The machine's. */
  tpm: Transport;
  say: (text: string) => void;
}

/** dom0's end: keeps what the vTPM domain stores, and passes its commands to the machine's TPM. */
export class Serving {
  readonly #options: ServingOptions;
  readonly #directory: string;
  /** What the vTPM domain said last. */
  #heard: string | undefined;
  /** Number of the last one. */
  #answered: string | undefined;
  /** Objects that are coming in. */
  #coming: { names: string; parts: Buffer[]; have: number } | undefined;

  constructor(options: ServingOptions) {
    this.#options = options;
    this.#directory = `/local/domain/${options.domid}/${MAILBOX}`;
  }

  /** Answers what is asked; ends only when xenstore fails. */
  async serve(): Promise<never> {
    const { store } = this.#options;
    store.watch(letterPath(this.#directory, 'request'), 'request');
    store.watch(saidPath(this.#directory), 'said');
    for (;;) {
      const changes = await store.nextChanges();
      if (changes.some(({ token }) => token === 'said')) this.#passOn();
      await this.answer();
    }
  }

  /** Passes on what the vTPM domain says of states, without what would steer a terminal. */
  #passOn(): void {
    const { store, say } = this.#options;
    const text = store.read(saidPath(this.#directory));
    if (text === undefined || text === this.#heard) return;
    this.#heard = text;
    say(`the vTPM domain: ${text.replace(/[^\x20-\x7e]/g, '?')}`);
  }

  /** Answers the request that is there, if nobody has. */
  async answer(): Promise<void> {
    const { store, say } = this.#options;
    // Of who served before.
    this.#answered ??= numberIn(store, this.#directory, 'answer');
    const isNew = (number: string) => number !== this.#answered;
    const letter = letterIn(store, this.#directory, 'request', isNew);
    if (letter === undefined) return;
    const { number, bytes } = letter;
    let answer: StoreAnswer;
    try {
      answer = await this.#do(decodeRequest(bytes));
    } catch (error) {
      const problem = (error as Error).message;
      say(problem);
      answer = { problem };
    }
    putLetter(store, this.#directory, 'answer', { number, bytes: encodeMessage(answer) });
    this.#answered = number;
  }

  async #do(request: StoreRequest): Promise<StoreAnswer> {
    const { objects } = this.#options;
    switch (request.ask) {
      case 'put':
        return this.#put(request);
      case 'get': {
        const bytes = await objects.get(request.name);
        if (bytes === undefined) return {};
        const { offset } = request;
        return { size: bytes.length, part: bytes.subarray(offset, offset + PART_OF_OBJECT) };
      }
      case 'lists':
        return { names: await objects.lists() };
      case 'keep':
        await objects.keep(request.names);
        return {};
      case 'resets':
        return { names: await objects.resets() };
      case 'was-reset':
        await objects.wasReset(request.guest);
        return {};
      case 'tpm':
        return { part: await this.#pass(request.part) };
    }
  }

  async #put({
    objects,
    offset,
    part,
  }: Extract<StoreRequest, { ask: 'put' }>): Promise<StoreAnswer> {
    const names = objects.map(({ hash }) => hash).join(', ');
    if (offset === 0) this.#coming = { names, parts: [], have: 0 };
    const coming = this.#coming;
    if (coming?.names !== names || coming.have !== offset) {
      throw new Error(`a part of ${names} at ${offset} comes without those before it`);
    }
    coming.parts.push(Buffer.from(part));
    coming.have += part.length;
    if (coming.have < objects.reduce((sum, { size }) => sum + size, 0)) return {};
    this.#coming = undefined;
    const all = Buffer.concat(coming.parts);
    let at = 0;
    await this.#options.objects.put(
      objects.map(({ kind, hash, size }) => {
        const bytes = all.subarray(at, at + size);
        at += size;
        return { name: { kind, hash }, bytes };
      }),
    );
    return {};
  }

  #pass(command: Buffer): Promise<Buffer> {
    const code = command.length < 10 ? 0 : command.readUInt32BE(6);
    if (!PASSED.some((name) => COMMAND_CODES[name] === code)) {
      throw new Error(`command 0x${code.toString(16)} is not passed to the machine's TPM`);
    }
    return this.#options.tpm.transmit(command);
  }
}
