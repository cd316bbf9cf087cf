/** The guest's C code and the back end, with a real swtpm behind it, on one page. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmod, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createAk, pcrExtend, pcrRead, Tpm, type Transport } from 'node-tpm2-pts';
import { type Declarations, openLibrary } from '../../../bindings/ffi/library.ts';
import { runProgram } from '../../../platform/lib/run.ts';
import { Device, XenbusState } from '../../../vtpm/backend/device.ts';
import { PAGE_SIZE } from '../../../vtpm/backend/ring.ts';
import { type GuestTpm, startSoftwareTpm } from '../../../vtpm/backend/software-tpm.ts';
import { FakePage, FakeRings, FakeStore } from '../../lib/fake-xen-devices.ts';
import { swtpmOf } from '../../lib/swtpm.ts';

const FRONTEND_RING = {
  ring_submit: {
    args: { page: 'bytes', command: 'bytes', length: 'u64' },
    result: 'i32',
    fails: 'never',
  },
  ring_collect: {
    args: { page: 'bytes', response: 'bytes', length: 'bytes' },
    result: 'u32',
    fails: 'never',
  },
} as const satisfies Declarations;

/** enum ring_answer, vtpm/frontend/ring.h. */
const Answer = { pending: 0, response: 1, cancelled: 2, broken: 3 } as const;

let scratch: string;
let ring: ReturnType<typeof openLibrary<typeof FRONTEND_RING>>;
const tpms: GuestTpm[] = [];
let died: (how: string) => void = () => {};

before(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'domb-vtpm-'));
  const library = join(scratch, 'ring.so');
  const source = join(import.meta.dirname, '../../../vtpm/frontend/ring.c');
  await runProgram('gcc', [
    '-shared',
    '-fPIC',
    '-Wall',
    '-Wextra',
    '-Werror',
    '-o',
    library,
    source,
  ]);
  ring = openLibrary(library, FRONTEND_RING);
});
after(async () => {
  await Promise.all(tpms.map((tpm) => tpm.stop()));
  await rm(scratch, { recursive: true });
});

/** Of a guest of which nothing is known. */
const plain = { banks: ['sha256'], launch: undefined } as const;

/** A guest whose TPM is a swtpm behind a page. */
async function guest(domid: number) {
  const directory = join(scratch, String(domid));
  const tpm = await startSoftwareTpm({ directory, ...plain, died: (how) => died(how) });
  tpms.push(tpm);
  const store = new FakeStore();
  const rings = new FakeRings();
  const page = new FakePage();
  const frontend = `/local/domain/${domid}/device/vtpm/0`;
  rings.pages.set(`${domid}/1`, page);
  rings.channels.add(`${domid}/2`);
  const entries = { 'ring-ref': 1, 'event-channel': 2, 'feature-protocol-v2': 1 };
  for (const [name, value] of Object.entries({ ...entries, state: XenbusState.initialised })) {
    store.write(`${frontend}/${name}`, String(value));
  }
  const backend = `backend/vtpm/${domid}/0`;
  const device = new Device({
    ...{ domid, backend, frontend, store, rings, say: () => {} },
    isGuest: () => true,
    now: () => performance.now(),
  });
  device.powerOn(tpm);
  const exchange = async (command: Buffer): Promise<Buffer> => {
    const status = ring.ring_submit({ page: page.bytes, command, length: command.length });
    assert.equal(status, 0);
    const response = Buffer.alloc(PAGE_SIZE);
    const length = Buffer.alloc(8);
    const collect = () => ring.ring_collect({ page: page.bytes, response, length });
    assert.equal(collect(), Answer.pending);
    await rings.bound.get(1)?.();
    assert.equal(collect(), Answer.response);
    return response.subarray(0, Number(length.readBigUInt64LE()));
  };
  const transport: Transport = {
    description: `ring of domain ${domid}`,
    transmit: exchange,
    close: async () => {},
  };
  return { tpm: new Tpm(transport), exchange, page, directory, device, store, rings, frontend };
}

const name = (text: string) => createHash('sha256').update(text).digest();
const zeros = Buffer.alloc(32);
const extended = (digest: Buffer) => createHash('sha256').update(zeros).update(digest).digest();

test('two guests have two TPM 2.0s, each with registers and keys of its own', async () => {
  const guests = await Promise.all([guest(1), guest(2)]);
  const read = async ({ tpm }: (typeof guests)[number]) =>
    (await pcrRead(tpm, [{ bank: 'sha256', pcrs: [15] }])).get('sha256')?.get(15);
  for (const one of guests) assert.deepEqual(await read(one), zeros);
  await pcrExtend(guests[0].tpm, 15, new Map([['sha256', name('one')]]));
  assert.deepEqual(await read(guests[0]), extended(name('one')));
  assert.deepEqual(await read(guests[1]), zeros);
  const keys = await Promise.all(guests.map(({ tpm }) => createAk(tpm)));
  assert.notDeepEqual(keys[0]?.name, keys[1]?.name);
});

test('state is readable by its owner only', async () => {
  const { directory } = await guest(3);
  assert.equal((await stat(join(directory, 'state'))).mode & 0o777, 0o700);
});

test('swtpm runs as a user of its own', { skip: process.getuid?.() !== 0 }, async () => {
  await chmod(scratch, 0o711);
  const uid = 0x10000 + 6;
  const directory = join(scratch, 'users', '6');
  const tpm = await startSoftwareTpm({ directory, uid, ...plain, died: (how) => died(how) });
  tpms.push(tpm);
  assert.equal((await stat(join('/proc', String(await swtpmOf(directory))))).uid, uid);
  assert.equal((await stat(directory)).uid, uid);
  const response = await tpm.transmit(Buffer.from('80010000000c0000017b0008', 'hex'));
  assert.equal(response.readUInt32BE(6), 0);
});

test('bytes that are no command get an answer, and the TPM goes on', async () => {
  const { tpm, exchange } = await guest(4);
  const random = (seed: number, size: number) => {
    const bytes = Buffer.alloc(size);
    for (let at = 0; at < size; at += 32) {
      name(`${seed} ${at}`).copy(bytes, at);
    }
    bytes.writeUInt32BE(size, 2);
    return bytes;
  };
  for (let seed = 0; seed < 300; seed++) {
    const response = await exchange(random(seed, 10 + ((seed * 37) % 4000)));
    assert.equal(response.readUInt32BE(2), response.length);
    assert.notEqual(response.readUInt32BE(6), 0);
  }
  assert.deepEqual(
    (await pcrRead(tpm, [{ bank: 'sha256', pcrs: [15] }])).get('sha256')?.get(15),
    zeros,
  );
});

test('after a thousand reconnections a guest meets the same TPM, and nothing is left of them', async () => {
  const { tpm, device, store, rings, frontend, page } = await guest(7);
  await pcrExtend(tpm, 15, new Map([['sha256', name('seven')]]));
  for (let times = 0; times < 1000; times++) {
    for (const state of [XenbusState.closed, XenbusState.initialising, XenbusState.initialised]) {
      store.write(`${frontend}/state`, String(state));
      device.follow();
    }
  }
  assert.equal(rings.bound.size, 1);
  const [notified] = rings.bound.values();
  rings.bound.set(1, notified ?? assert.fail('nobody is bound'));
  // The fake is one mapping, where there are two for a moment.
  page.mapped = true;
  const values = await pcrRead(tpm, [{ bank: 'sha256', pcrs: [15] }]);
  assert.deepEqual(values.get('sha256')?.get(15), extended(name('seven')));
});

test('a TPM that is gone answers with failures, and is not replaced', async () => {
  const { tpm, exchange, directory } = await guest(5);
  await pcrExtend(tpm, 15, new Map([['sha256', name('five')]]));
  const end = new Promise<string>((resolve) => {
    died = resolve;
  });
  process.kill(await swtpmOf(directory), 'SIGKILL');
  const command = Buffer.from('80010000000c0000017b0008', 'hex');
  assert.equal((await exchange(command)).toString('hex'), '80010000000a00000101');
  assert.equal((await exchange(command)).toString('hex'), '80010000000a00000101');
  assert.match(await end, /swtpm ended with SIGKILL/);
});

test("the guest's side takes no more than a page holds, and nothing that is no response", () => {
  const page = new FakePage();
  const bytes = Buffer.alloc(PAGE_SIZE);
  assert.equal(ring.ring_submit({ page: page.bytes, command: bytes, length: 4088 }), 0);
  assert.notEqual(ring.ring_submit({ page: page.bytes, command: bytes, length: 4089 }), 0);
  const response = Buffer.alloc(PAGE_SIZE);
  const length = Buffer.alloc(8);
  const collect = () => ring.ring_collect({ page: page.bytes, response, length });
  page.bytes.writeUInt8(2, 4);
  for (const size of [0, 9, 4089]) {
    page.bytes.writeUInt32LE(size, 0);
    assert.equal(collect(), Answer.broken);
  }
  page.bytes.writeUInt8(0, 4);
  assert.equal(collect(), Answer.cancelled);
});
