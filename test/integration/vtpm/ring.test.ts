/** The guest's C code and the back end's, with a real swtpm behind it, on one page. Xen alone is none (fake-xen.c). */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readdir, readFile, readlink, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createAk, pcrExtend, pcrRead, Tpm, type Transport } from 'node-tpm2-pts';
import { type Declarations, openLibrary } from '../../../bindings/ffi/library.ts';
import { runProgram } from '../../../platform/lib/run.ts';
import { Device, type Rings, XenbusState } from '../../../vtpm/backend/device.ts';
import { startPassage } from '../../../vtpm/backend/passage.ts';
import { servedBySwtpm, servedHere } from '../../../vtpm/backend/serving.ts';
import type { GuestTpm, SoftwareTpm } from '../../../vtpm/backend/software-tpm.ts';
import { PAGE_SIZE, submit } from '../../lib/backend-ring.ts';
import { FakeGuests } from '../../lib/fake-guests.ts';
import { FakePage, FakeStore } from '../../lib/fake-xen-devices.ts';
import { startSoftwareTpm } from '../../lib/software-tpm.ts';
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
let guests: FakeGuests;
const tpms: GuestTpm[] = [];
const devices: Device[] = [];
let died: (how: string) => void = () => {};

before(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'domb-vtpm-'));
  const library = join(scratch, 'ring.so');
  const source = join(import.meta.dirname, '../../../vtpm/frontend/ring.c');
  const strict = ['-Wall', '-Wextra', '-Werror'];
  await runProgram('gcc', ['-shared', '-fPIC', ...strict, '-o', library, source]);
  ring = openLibrary(library, FRONTEND_RING);
  guests = await FakeGuests.compiled();
});
after(async () => {
  for (const device of devices) device.end();
  await Promise.all(tpms.map((tpm) => tpm.stop()));
  await guests.remove();
  await rm(scratch, { recursive: true });
});

/** Of a guest of which nothing is known. */
const plain = { banks: ['sha256'], launch: undefined } as const;

/** Waits until something holds. */
async function until(holds: () => boolean, what: string): Promise<void> {
  for (let left = 2000; !holds(); left--) {
    if (left === 0) assert.fail(`not ${what} after 20 s`);
    await sleep(10);
  }
}

/** A guest whose TPM is a swtpm behind a page. */
async function guest(
  domid: number,
  user?: number,
  serve: (started: SoftwareTpm) => Promise<GuestTpm> = servedBySwtpm,
) {
  const directory = join(scratch, String(domid));
  const started = await startSoftwareTpm({
    ...{ directory, ...plain, died: (how) => died(how) },
    ...(user === undefined ? {} : { uid: user }),
  });
  const served = await serve(started);
  tpms.push(served);
  const store = new FakeStore();
  const own = await guests.guest(domid);
  const said: string[] = [];
  const rings: Rings = {
    map: () => new FakePage().map(),
    pass: (passed, events) => startPassage(guests.program, passed, events),
  };
  const frontend = `/local/domain/${domid}/device/vtpm/0`;
  const { reference, remotePort } = own;
  const entries = { 'ring-ref': reference, 'event-channel': remotePort, 'feature-protocol-v2': 1 };
  for (const [name, value] of Object.entries({ ...entries, state: XenbusState.initialised })) {
    store.write(`${frontend}/${name}`, String(value));
  }
  const backend = `backend/vtpm/${domid}/0`;
  store.write(`${backend}/frontend`, frontend);
  const device = new Device({
    ...{ domid, backend, frontend, store, rings, say: (text: string) => said.push(text) },
    isGuest: () => true,
    now: () => performance.now(),
  });
  devices.push(device);
  device.powerOn(served);
  const reaches = (state: number) =>
    until(() => store.read(`${backend}/state`) === String(state), `in state ${state}`);
  const says = (state: number) => {
    store.write(`${frontend}/state`, String(state));
    device.follow();
  };
  await reaches(XenbusState.connected);
  const exchange = async (command: Buffer): Promise<Buffer> => {
    const page = Buffer.alloc(PAGE_SIZE);
    const status = ring.ring_submit({ page, command, length: command.length });
    assert.equal(status, 0);
    const response = Buffer.alloc(PAGE_SIZE);
    const length = Buffer.alloc(8);
    const collect = (from: Buffer) => ring.ring_collect({ page: from, response, length });
    assert.equal(collect(page), Answer.pending);
    assert.equal(collect(await own.exchange(page)), Answer.response);
    return response.subarray(0, Number(length.readBigUInt64LE()));
  };
  const transport: Transport = {
    description: `ring of domain ${domid}`,
    transmit: exchange,
    close: async () => {},
  };
  return { tpm: new Tpm(transport), exchange, directory, own, says, reaches, said };
}

/** The process that passes the commands of a guest. */
async function passageOf(domid: number): Promise<number> {
  for (const pid of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))) {
    const words = await readFile(join('/proc', pid, 'cmdline'), 'utf8').catch(() => '');
    if (words.startsWith(`${guests.program}\0${domid}\0`)) return Number(pid);
  }
  throw new Error(`nothing passes for domain ${domid}`);
}

const getRandom = Buffer.from('80010000000c0000017b0008', 'hex');
const name = (text: string) => createHash('sha256').update(text).digest();
const zeros = Buffer.alloc(32);
const extended = (digest: Buffer) => createHash('sha256').update(zeros).update(digest).digest();

test('two guests have two TPM 2.0s, each with registers and keys of its own', async () => {
  const both = await Promise.all([guest(1), guest(2)]);
  const read = async ({ tpm }: (typeof both)[number]) =>
    (await pcrRead(tpm, [{ bank: 'sha256', pcrs: [15] }])).get('sha256')?.get(15);
  for (const one of both) assert.deepEqual(await read(one), zeros);
  await pcrExtend(both[0].tpm, 15, new Map([['sha256', name('one')]]));
  assert.deepEqual(await read(both[0]), extended(name('one')));
  assert.deepEqual(await read(both[1]), zeros);
  const keys = await Promise.all(both.map(({ tpm }) => createAk(tpm)));
  assert.notDeepEqual(keys[0]?.name, keys[1]?.name);
});

test('state is readable by its owner only', async () => {
  const { directory } = await guest(3);
  assert.equal((await stat(join(directory, 'state'))).mode & 0o777, 0o700);
});

const root = { skip: process.getuid?.() !== 0 };
test('what serves a guest runs as a user of its own, and can do little else', root, async () => {
  await chmod(scratch, 0o711);
  const uid = 0x10000 + 6;
  const { tpm, directory } = await guest(6, uid);
  assert.equal((await stat(join('/proc', String(await swtpmOf(directory))))).uid, uid);
  assert.equal((await stat(directory)).uid, uid);
  const process = join('/proc', String(await passageOf(6)));
  const status = await readFile(join(process, 'status'), 'utf8');
  const field = (name: string) => new RegExp(`^${name}:[ \\t]*(.*)$`, 'm').exec(status)?.[1];
  assert.equal(field('Uid'), Array(4).fill(uid).join('\t'));
  assert.equal(field('Gid'), Array(4).fill(uid).join('\t'));
  assert.equal(field('Groups')?.trim(), '');
  assert.equal(field('CapEff'), '0000000000000000');
  assert.equal(field('NoNewPrivs'), '1');
  assert.equal(field('Seccomp'), '2');
  // Standard input, output and error; both ways of the channel, and its TPM. What maps grants is closed.
  const files = await readdir(join(process, 'fd'));
  assert.equal(
    files.length,
    6,
    (await Promise.all(files.map((file) => readlink(join(process, 'fd', file))))).join(' '),
  );
  await pcrExtend(tpm, 15, new Map([['sha256', name('six')]]));
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

test('after a hundred reconnections a guest meets the same TPM, and nothing is left of them', async () => {
  const { tpm, says, reaches } = await guest(7);
  await pcrExtend(tpm, 15, new Map([['sha256', name('seven')]]));
  const first = await passageOf(7);
  for (let times = 0; times < 100; times++) {
    for (const state of [XenbusState.closed, XenbusState.initialising, XenbusState.initialised]) {
      says(state);
    }
    // Not each of them is waited for.
    if (times % 4 === 0) await reaches(XenbusState.connected);
  }
  await reaches(XenbusState.connected);
  assert.notEqual(await passageOf(7), first);
  const values = await pcrRead(tpm, [{ bank: 'sha256', pcrs: [15] }]);
  assert.deepEqual(values.get('sha256')?.get(15), extended(name('seven')));
});

/** TPM2_CreatePrimary of an RSA key of 2048 bits in the owner hierarchy, Part 3, 24.1: it takes long. */
const createPrimary = Buffer.from(
  '80020000004300000131400000010000000940000009000000000000040000000000' +
    '1a0001000b00030072000000060080004300100800000000000000000000000000',
  'hex',
);

test('a guest that leaves in mid-command and comes back waits for the end of that, and has its TPM', async () => {
  const { tpm, says, reaches, own, directory } = await guest(8);
  await pcrExtend(tpm, 15, new Map([['sha256', name('eight')]]));
  const swtpm = await swtpmOf(directory);
  process.kill(swtpm, 'SIGSTOP');
  own.page = submitted(createPrimary);
  own.notify();
  await sleep(50);
  says(XenbusState.closed);
  await reaches(XenbusState.closed);
  says(XenbusState.initialising);
  says(XenbusState.initialised);
  await sleep(200);
  await assert.rejects(Promise.race([reaches(XenbusState.connected), refuse(100)]));
  process.kill(swtpm, 'SIGCONT');
  await reaches(XenbusState.connected);
  const values = await pcrRead(tpm, [{ bank: 'sha256', pcrs: [15] }]);
  assert.deepEqual(values.get('sha256')?.get(15), extended(name('eight')));
});

const submitted = (command: Buffer): Buffer => {
  const page = Buffer.alloc(PAGE_SIZE);
  submit(page, command);
  return page;
};
const refuse = async (milliseconds: number): Promise<never> => {
  await sleep(milliseconds);
  throw new Error('not yet');
};

test('what a guest submits wrongly does not reach its TPM, and is told ten times', async () => {
  const { tpm, own, said } = await guest(9);
  for (let round = 0; round < 100; round++) {
    const response = await own.transmit(getRandom, { length: 0xffff });
    assert.equal(response.toString('hex'), '80010000000a00000142');
  }
  const told = said.filter((text) => text === 'domain 9 submitted a length of 65535');
  assert.ok(told.length > 5 && said.length <= 10, said.join('\n'));
  assert.deepEqual(
    (await pcrRead(tpm, [{ bank: 'sha256', pcrs: [15] }])).get('sha256')?.get(15),
    zeros,
  );
});

test('ten guests are served at once, and one that rings without end keeps none waiting', async () => {
  const ten = await Promise.all(Array.from({ length: 10 }, (_, index) => guest(20 + index)));
  const [loud, ...others] = ten;
  let over = false;
  const ringing = (async () => {
    while (!over) {
      loud?.own.notify(100);
      await sleep(1);
    }
  })();
  const times = await Promise.all(
    others.map(async ({ tpm }, index) => {
      const begin = performance.now();
      for (let round = 0; round < 20; round++) {
        await pcrExtend(tpm, 15, new Map([['sha256', name(`${index}`)]]));
      }
      return performance.now() - begin;
    }),
  );
  over = true;
  await ringing;
  const [least, most] = [Math.min(...times), Math.max(...times)];
  assert.ok(most < 3 * least + 1000, times.join(' '));
});

test('a TPM whose commands this process sees is used by its guest in the same way', async () => {
  const root = process.getuid?.() === 0;
  if (root) await chmod(scratch, 0o711);
  const uid = root ? 0x10000 + 12 : undefined;
  const seen: number[] = [];
  const { tpm, says, reaches } = await guest(12, uid, (started) => {
    const transmit = (command: Buffer) => {
      seen.push(command.readUInt32BE(6));
      return started.transmit(command);
    };
    return servedHere({ ...started, transmit }, join(scratch, '12.socket'));
  });
  await pcrExtend(tpm, 15, new Map([['sha256', name('twelve')]]));
  for (const state of [XenbusState.closed, XenbusState.initialising, XenbusState.initialised]) {
    says(state);
  }
  await reaches(XenbusState.connected);
  const values = await pcrRead(tpm, [{ bank: 'sha256', pcrs: [15] }]);
  assert.deepEqual(values.get('sha256')?.get(15), extended(name('twelve')));
  // TPM2_GetTestResult when the guest connects, then what it asks.
  assert.deepEqual(seen, [0x17c, 0x182, 0x17c, 0x17e]);
});

test('a passage that dies ends the connection, not the TPM', async () => {
  const { tpm, says, reaches, said } = await guest(10);
  await pcrExtend(tpm, 15, new Map([['sha256', name('ten')]]));
  process.kill(await passageOf(10), 'SIGSEGV');
  await reaches(XenbusState.closed);
  assert.match(said.at(-1) ?? '', /device\/vtpm\/0: tpmback ended with SIGSEGV$/);
  says(XenbusState.initialising);
  says(XenbusState.initialised);
  await reaches(XenbusState.connected);
  const values = await pcrRead(tpm, [{ bank: 'sha256', pcrs: [15] }]);
  assert.deepEqual(values.get('sha256')?.get(15), extended(name('ten')));
});

test('with the back end, however it ends, ends what passes for its guests', async () => {
  await guests.guest(11);
  const module = JSON.stringify(join(import.meta.dirname, '../../../vtpm/backend/passage.ts'));
  const ring = { domid: 11, reference: 8, remotePort: 9, socket: '/nowhere' };
  const program = `
    const { startPassage } = await import(${module});
    startPassage(${JSON.stringify(guests.program)}, ${JSON.stringify(ring)}, {
      serving: () => console.log('serving'), said: () => {}, ended: () => {},
    });
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  const passage = join('/proc', String(await passageOf(11)));
  child.kill('SIGKILL');
  await until(() => !existsSync(passage), 'ended');
});

test('a TPM that is gone answers with failures, and is not replaced', async () => {
  const { tpm, exchange, directory, says, reaches } = await guest(5);
  await pcrExtend(tpm, 15, new Map([['sha256', name('five')]]));
  const end = new Promise<string>((resolve) => {
    died = resolve;
  });
  process.kill(await swtpmOf(directory), 'SIGKILL');
  for (let round = 0; round < 2; round++) {
    assert.equal((await exchange(getRandom)).toString('hex'), '80010000000a00000101');
  }
  assert.match(await end, /swtpm ended with SIGKILL/);
  for (const state of [XenbusState.closed, XenbusState.initialising, XenbusState.initialised]) {
    says(state);
  }
  await reaches(XenbusState.connected);
  assert.equal((await exchange(getRandom)).toString('hex'), '80010000000a00000101');
});

test("the guest's side takes no more than a page holds, and nothing that is no response", () => {
  const page = Buffer.alloc(PAGE_SIZE);
  const bytes = Buffer.alloc(PAGE_SIZE);
  assert.equal(ring.ring_submit({ page, command: bytes, length: 4088 }), 0);
  assert.notEqual(ring.ring_submit({ page, command: bytes, length: 4089 }), 0);
  const response = Buffer.alloc(PAGE_SIZE);
  const length = Buffer.alloc(8);
  const collect = () => ring.ring_collect({ page, response, length });
  page.writeUInt8(2, 4);
  for (const size of [0, 9, 4089]) {
    page.writeUInt32LE(size, 0);
    assert.equal(collect(), Answer.broken);
  }
  page.writeUInt8(0, 4);
  assert.equal(collect(), Answer.cancelled);
});
