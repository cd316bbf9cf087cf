/** The vTPM domain and dom0 with a xenstore between them that both may write. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { Change, Store } from '../../../vtpm/backend/store.ts';
import { askedStore, Dom0, PART_OF_OBJECT, passedTpm } from '../../../vtpm/state/asking.ts';
import { DirectoryStore } from '../../../vtpm/state/directory-store.ts';
import { letterIn, MAILBOX, putLetter } from '../../../vtpm/state/mailbox.ts';
import { decodeRequest, encodeMessage } from '../../../vtpm/state/messages.ts';
import { LARGEST_OBJECT, nameOfObject } from '../../../vtpm/state/objects.ts';
import { Serving } from '../../../vtpm/state/serving.ts';
import { FakeStore } from '../../lib/fake-xen-devices.ts';

const DOMID = 9;
const AT = `/local/domain/${DOMID}`;

/** One connection to the xenstore: paths of the vTPM domain are below its own directory. */
class Connection implements Store {
  readonly #all: FakeStore;
  readonly #home: string;
  readonly #others: Connection[];
  readonly #watched = new Map<string, string>();
  #wake: () => void = () => {};
  #changes: Change[] = [];

  constructor(all: FakeStore, others: Connection[], home = '') {
    this.#all = all;
    this.#home = home;
    this.#others = others;
    others.push(this);
  }

  #at = (path: string) => `${this.#home}${path}`;
  read = (path: string) => this.#all.read(this.#at(path));
  list = (path: string) => this.#all.list(this.#at(path));
  remove = (path: string) => this.#all.remove(this.#at(path));
  unwatch() {}

  write(path: string, value: string): void {
    assert.ok(value.length <= 2000, 'a node has an end');
    this.#all.write(this.#at(path), value);
    for (const one of this.#others) one.#changed(this.#at(path));
  }

  watch(path: string, token: string): void {
    this.#watched.set(this.#at(path), token);
    this.#changed(this.#at(path));
  }

  #changed(path: string): void {
    const token = this.#watched.get(path);
    if (token === undefined) return;
    this.#changes.push({ path, token });
    this.#wake();
  }

  async nextChanges(): Promise<Change[]> {
    while (this.#changes.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#changes.splice(0);
  }
}

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'domb-mailbox-'));
});
afterEach(() => rm(directory, { recursive: true }));

async function both() {
  const all = new FakeStore();
  const connections: Connection[] = [];
  const dom0 = new Dom0(new Connection(all, connections, `${AT}/`), { patience: 200 });
  void dom0.serve();
  const objects = new DirectoryStore(join(directory, 'states'));
  await objects.open();
  const sent: Buffer[] = [];
  const said: string[] = [];
  const tpm = {
    description: 'TPM',
    async transmit(command: Buffer) {
      sent.push(command);
      return Buffer.from('80010000000a00000000', 'hex');
    },
    async close() {},
  };
  const store = new Connection(all, connections);
  const say = (text: string) => said.push(text);
  const options = { store, domid: DOMID, objects, tpm, say };
  const serving = new Serving(options);
  return { all, dom0, objects, sent, said, options, serving, store, stored: askedStore(dom0) };
}

test('objects of all sizes come back as they were put, with whatever bytes', async () => {
  const { serving, stored, objects } = await both();
  void serving.serve();
  const sizes = [0, 1, 1799, PART_OF_OBJECT, PART_OF_OBJECT + 1, 100_000];
  for (const size of sizes) {
    const bytes = Buffer.from(Array.from({ length: size }, (_, at) => (at * 7) & 0xff));
    const name = nameOfObject('state', bytes);
    await stored.put([{ name, bytes }]);
    assert.deepEqual(await objects.get(name), bytes);
    assert.deepEqual(await stored.get(name), bytes);
  }
  assert.equal(await stored.get({ kind: 'list', hash: '0'.repeat(64) }), undefined);
});

test('a short message is one entry, which is read once', async () => {
  const { serving, store, dom0, all } = await both();
  const at = `${AT}/${MAILBOX}`;
  await serving.answer();
  const reads: string[] = [];
  const { read } = store;
  store.read = (path) => {
    reads.push(path);
    return read(path);
  };
  const asked = dom0.ask({ ask: 'lists' });
  await turn();
  await serving.answer();
  assert.deepEqual(await asked, { names: [], part: Buffer.alloc(0) });
  assert.deepEqual(reads, [`${at}/answer`, `${at}/request`]);
  assert.deepEqual(all.list(at).sort(), ['answer', 'request']);
  // Half of it is none.
  all.write(`${at}/request`, (all.read(`${at}/request`) ?? '').slice(0, -1));
  assert.equal(letterIn(store, at, 'request'), undefined);
});

test('lists are named, what is old goes, and resets are told once', async () => {
  const { serving, stored, objects } = await both();
  void serving.serve();
  const [first, second] = ['first', 'second'].map((text) => Buffer.from(text)) as [Buffer, Buffer];
  const names = [nameOfObject('list', first), nameOfObject('list', second)] as const;
  await stored.put([
    { name: names[0], bytes: first },
    { name: names[1], bytes: second },
  ]);
  assert.deepEqual((await stored.lists()).sort(), names.map(({ hash }) => hash).sort());
  await stored.keep([names[1]]);
  assert.deepEqual(await stored.lists(), [names[1].hash]);
  await objects.reset('ledger');
  assert.deepEqual(await stored.resets(), ['ledger']);
  await stored.wasReset('ledger');
  assert.deepEqual(await stored.resets(), []);
});

test("commands for the NV index are passed to the machine's TPM, and no others: it is dom0's", async () => {
  const { serving, dom0, sent, said } = await both();
  void serving.serve();
  const tpm = passedTpm(dom0);
  const read = Buffer.from('80010000000a0000014e', 'hex');
  assert.equal((await tpm.transmit(read)).length, 10);
  // Clear, NV_UndefineSpace, CreatePrimary, Unseal, and nothing at all.
  for (const code of ['00000126', '00000122', '00000131', '0000015e', '']) {
    await assert.rejects(
      tpm.transmit(Buffer.from(`80020000000a${code}`, 'hex')),
      /dom0 says: command 0x\w+ is not passed/,
    );
  }
  assert.deepEqual(sent, [read]);
  assert.equal(said.length, 5);
});

test("what a TPM waits for reaches dom0's operator, once, and steers no terminal", async () => {
  const { serving, dom0, said } = await both();
  void serving.serve();
  dom0.tell('the TPM of ledger waits: \u001b[2J');
  await dom0.ask({ ask: 'lists' });
  assert.deepEqual(said, ['the vTPM domain: the TPM of ledger waits: ?[2J']);
});

test('a dom0 that does not answer, answers something else or without an end is not waited for forever', async () => {
  const { dom0, store, stored, all } = await both();
  await assert.rejects(dom0.ask({ ask: 'lists' }), /dom0 does not answer: does "domb vtpm-state/);
  const answer = (message: Buffer, number?: string) => {
    const asked = letterIn(store, `${AT}/${MAILBOX}`, 'request');
    const given = { number: number ?? asked?.number ?? '', bytes: message };
    putLetter(store, `${AT}/${MAILBOX}`, 'answer', given);
  };
  const asked = (message: Buffer, number?: string) => {
    setTimeout(() => answer(message, number), 20);
    return dom0.ask({ ask: 'lists' });
  };
  await assert.rejects(asked(encodeMessage({ names: [] }), '7'), /does not answer/);
  await assert.rejects(asked(Buffer.from('no line')), /without an end/);
  await assert.rejects(asked(Buffer.from('[\n')), SyntaxError);
  assert.deepEqual((await asked(encodeMessage({ names: ['a'] }))).names, ['a']);
  // More bytes than it says, and none.
  const timer = setInterval(() => answer(encodeMessage({ size: 10, part: Buffer.alloc(0) })), 20);
  const name = { kind: 'state', hash: '0'.repeat(64) } as const;
  await assert.rejects(stored.get(name), /without an end/);
  clearInterval(timer);
  all.write(`${AT}/${MAILBOX}/answer`, `1 ${LARGEST_OBJECT * 10}\n`);
  assert.equal(letterIn(store, `${AT}/${MAILBOX}`, 'answer'), undefined);
});

test('dom0 does nothing that is no request, and answers each one once', async () => {
  const { serving, options, store, said, all, objects } = await both();
  const at = `${AT}/${MAILBOX}`;
  const wrong = [
    ...['{}', '[]', 'null', '{"ask":"remove"}', '{"ask":"get"}', '{"ask":"was-reset"}'],
    '{"ask":"get","name":{"kind":"state","hash":"../../etc/passwd"},"offset":0}',
    `{"ask":"get","name":{"kind":"resets","hash":"${'0'.repeat(64)}"},"offset":0}`,
    '{"ask":"keep","names":[{"kind":"list"}]}',
    `{"ask":"put","objects":[{"kind":"list","hash":"${'0'.repeat(64)}","size":8}],"offset":4}`,
    `{"ask":"put","objects":[{"kind":"list","hash":"${'0'.repeat(64)}","size":-1}],"offset":0}`,
    `{"ask":"put","objects":[{"kind":"list","hash":"0","size":1}],"offset":0}`,
    '{"ask":"put","objects":{},"offset":0}',
    `{"ask":"put","objects":${JSON.stringify(Array(9).fill({ kind: 'list', hash: '0'.repeat(64), size: 0 }))},"offset":0}`,
  ];
  for (const [number, line] of wrong.entries()) {
    putLetter(store, at, 'request', { number: String(number), bytes: Buffer.from(`${line}\n`) });
    await serving.answer();
    const answer = letterIn(store, at, 'answer');
    assert.equal(answer?.number, String(number));
    assert.match(answer?.bytes.toString() ?? '', /^\{"problem":/, line);
  }
  assert.equal(said.length, wrong.length);
  await serving.answer();
  assert.equal(said.length, wrong.length, 'the last one is answered');
  const another = new Serving(options);
  await another.answer();
  assert.equal(said.length, wrong.length, 'and whoever serves next knows it');
  all.write(`${at}/request`, 'nothing');
  await serving.answer();
  await assert.rejects(
    objects.put([{ name: { kind: 'state', hash: '0'.repeat(64) }, bytes: Buffer.from('other') }]),
    /do not have the hash/,
  );
  assert.throws(() => decodeRequest(Buffer.from('{"ask":"lists"}')), /without an end/);
});
