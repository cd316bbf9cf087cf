/** States that last: real swtpm as the machine's TPM, a real directory as dom0's disk, and a dom0 that wants another state. */
import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { COMMAND_CODES, nvUndefine, type Transport } from 'node-tpm2-pts';
import { INDEXES } from '../../../measurement/vtpm-state/indexes.ts';
import { DirectoryStore } from '../../../vtpm/state/directory-store.ts';
import type { GuestStates } from '../../../vtpm/state/guest-states.ts';
import { nameOfObject, type ObjectStore } from '../../../vtpm/state/objects.ts';
import { LastingMachine } from '../../lib/lasting-machine.ts';

let machine: LastingMachine;
beforeEach(async () => {
  machine = await booted();
});
afterEach(() => machine.stop());

async function booted(): Promise<LastingMachine> {
  const made = await LastingMachine.start();
  await made.reboot();
  await made.setUp();
  return made;
}

const text = (state: Buffer | undefined) => state?.toString();

/** Stores one state in a boot of its own. */
async function storedIn(boot: { states: GuestStates }, guest: string, state: string) {
  const held = await boot.states.open(guest);
  await held.store(Buffer.from(state));
  held.close();
  // What is old is removed after that; whoever comes next waits for it.
  (await boot.states.open(guest)).close();
}

/** What a guest finds in a new boot; what is said where it finds nothing within a while. */
async function found(guest: string, changes = {}): Promise<string | undefined> {
  const { states, said } = await machine.states(changes);
  const opened = states.open(guest).then(({ newest }) => text(newest) ?? 'nothing');
  const answer = await Promise.race([opened, sleep(150).then(() => `waits: ${said.join('; ')}`)]);
  machine.powerOff();
  return answer;
}

test('what was stored is there after a reboot, of each guest its own; a guest without one has none', async () => {
  const boot = await machine.states();
  await Promise.all([
    storedIn(boot, 'ledger', 'one of ledger'),
    storedIn(boot, 'signer', 'one of signer'),
  ]);
  await storedIn(boot, 'ledger', 'two of ledger');
  await machine.reboot();
  assert.equal(await found('ledger'), 'two of ledger');
  assert.equal(await found('signer'), 'one of signer');
  assert.equal(await found('other'), 'nothing');
});

test('dom0 has ciphertext, nothing but the newest, and no word of what is in it', async () => {
  const boot = await machine.states();
  const secret = 'a word that is long enough to be found';
  await storedIn(boot, 'ledger', `${secret} once`);
  await storedIn(boot, 'ledger', `${secret} twice`);
  const { directory } = await machine.disk();
  const files = (await readdir(directory)).filter((file) => file !== 'resets');
  assert.deepEqual(files.map((file) => file.split('-')[0]).sort(), ['list', 'state']);
  for (const file of files) {
    const bytes = await readFile(join(directory, file));
    assert.ok(!bytes.includes(secret) && !bytes.includes(boot.key), file);
  }
});

test('an older state is refused, in the same boot and after another, and says why', async () => {
  const boot = await machine.states();
  await storedIn(boot, 'ledger', 'one');
  await machine.backUp('older');
  await storedIn(boot, 'ledger', 'two');
  await machine.putBack('older');
  const why =
    /waits: the TPM of ledger waits: what dom0 has of states is not what was stored last: it is older, or of another machine$/;
  assert.match((await found('ledger')) ?? '', why);
  await machine.reboot();
  assert.match((await found('ledger')) ?? '', why);
});

test('an older state beside the newest list is refused', async () => {
  const boot = await machine.states();
  await storedIn(boot, 'ledger', 'one');
  await machine.backUp('older');
  await storedIn(boot, 'ledger', 'two');
  const { directory } = await machine.disk();
  const [newest] = (await readdir(directory)).filter((file) => file.startsWith('state-'));
  const [older] = (await readdir(join(machine.directory, 'older'))).filter((file) =>
    file.startsWith('state-'),
  );
  const bytes = await readFile(join(machine.directory, 'older', older ?? ''));
  await writeFile(join(directory, newest ?? ''), bytes);
  assert.match((await found('ledger')) ?? '', /gives another state than the one that was stored/);
});

test("another guest's state in the place of a guest's is refused", async () => {
  const boot = await machine.states();
  await storedIn(boot, 'ledger', 'of ledger');
  await storedIn(boot, 'signer', 'of signer');
  const store = await machine.disk();
  const files = (await readdir(store.directory)).filter((file) => file.startsWith('state-'));
  const [one = '', other = ''] = files.map((file) => join(store.directory, file));
  const [first, second] = [await readFile(one), await readFile(other)];
  await writeFile(one, second);
  await writeFile(other, first);
  for (const guest of ['ledger', 'signer']) {
    assert.match((await found(guest)) ?? '', /gives another state/);
  }
  // Nor does it open where the hash is right: each guest has a key of its own.
  const { decryptState } = await import('../../../vtpm/state/cipher.ts');
  const opens = (name: string, bytes: Buffer) => {
    try {
      return decryptState(boot.key, name, bytes).toString();
    } catch (error) {
      return (error as Error).message;
    }
  };
  const answers = [first, second].map((bytes) => opens('ledger', bytes)).sort();
  assert.deepEqual(answers, [
    'of ledger',
    'the state is not one of ledger under the key of this machine',
  ]);
});

test('the states of another machine, and a copy of the disk on another, are refused', async () => {
  await storedIn(await machine.states(), 'ledger', 'one');
  const other = await booted();
  try {
    await storedIn(await other.states(), 'ledger', 'of the other');
    const copy = new DirectoryStore(join(machine.directory, 'disk'));
    const { states, said } = await other.states({ store: copy });
    void states.open('ledger');
    await sleep(100);
    assert.match(said.join(), /it is older, or of another machine/);
  } finally {
    await other.stop();
  }
});

test('a lost disk, a lost state and a lost index are no fresh TPMs', async () => {
  await storedIn(await machine.states(), 'ledger', 'one');
  await machine.backUp('whole');
  const { directory } = await machine.disk();
  const lost = new DirectoryStore(join(machine.directory, 'empty'));
  await mkdir(lost.directory);
  await lost.open();
  assert.match(
    (await found('ledger', { store: lost })) ?? '',
    /no list of states, and the machine/,
  );
  const [file = ''] = (await readdir(directory)).filter((name) => name.startsWith('state-'));
  await truncate(join(directory, file), 0);
  assert.match((await found('ledger')) ?? '', /gives another state/);
  await machine.putBack('whole');
  assert.equal(await found('ledger'), 'one');
  const key = await machine.key();
  await nvUndefine(machine.tpm, INDEXES.root);
  assert.match((await found('ledger', { key })) ?? '', /waits: .*TPM_RC_HANDLE/);
});

test('with a new key nothing of before opens, and all begin anew', async () => {
  await storedIn(await machine.states(), 'ledger', 'one');
  await machine.setUp(undefined, true);
  assert.equal(await found('ledger'), 'nothing');
});

test('what dom0 wants to be made anew is made anew once, and the others stay', async () => {
  const boot = await machine.states();
  await storedIn(boot, 'ledger', 'one');
  await storedIn(boot, 'signer', 'one of signer');
  await (await machine.disk()).reset('ledger');
  await machine.reboot();
  const next = await machine.states();
  const held = await next.states.open('ledger');
  assert.equal(held.newest, undefined);
  assert.match(next.said.join(), /^the TPM of ledger is made anew, as dom0 wants it$/);
  await held.store(Buffer.from('new'));
  assert.equal(await found('ledger'), 'new');
  assert.equal(await found('signer'), 'one of signer');
});

test('one TPM has a state at a time: the next one waits, and finds what the one before stored last', async () => {
  const { states } = await machine.states();
  const first = await states.open('ledger');
  const second = states.open('ledger');
  await first.store(Buffer.from('of the first'));
  first.close();
  assert.equal(text((await second).newest), 'of the first');
  await assert.rejects(first.store(Buffer.from('late')), /has ended/);
});

/** What dom0 does for one stored state, step by step; `cut` says before which one the machine stops. */
function cutStore(store: ObjectStore, cut: { at: number; steps: number }): ObjectStore {
  const step = async <T>(does: () => Promise<T>): Promise<T> => {
    if (cut.steps++ >= cut.at) return new Promise(() => {});
    return does();
  };
  return {
    async put(objects) {
      for (const object of objects) await step(() => store.put([object]));
    },
    get: (name) => store.get(name),
    lists: () => store.lists(),
    keep: (names) => step(() => store.keep(names)),
    resets: () => store.resets(),
    wasReset: (guest) => store.wasReset(guest),
  };
}

test('a power cut between any two steps, with the TPM among them, loses nothing that was acknowledged', async () => {
  const { key } = await machine.states();
  await storedIn(await machine.states({ key }), 'ledger', '0');
  let acknowledged = 0;
  // put, put, extend, keep, and none cut off.
  for (let round = 1; round <= 5; round++) {
    const cut = { at: round - 1, steps: 0 };
    const store = cutStore(await machine.disk(), cut);
    const index = await machine.root(key);
    const root = {
      read: () => index.read(),
      extend: (hash: Buffer) =>
        cut.steps++ >= cut.at ? new Promise<void>(() => {}) : index.extend(hash),
    };
    const { states } = await machine.states({ key, store, root });
    const held = await states.open('ledger');
    const was = Number(text(held.newest));
    assert.ok(
      was >= acknowledged,
      `after round ${round - 1}: ${was} is older than ${acknowledged}`,
    );
    const done = held.store(Buffer.from(String(was + 1))).then(() => {
      acknowledged = was + 1;
    });
    await Promise.race([done, sleep(100)]);
    await machine.reboot('good', false);
  }
  assert.equal(await found('ledger'), String(acknowledged));
  assert.ok(acknowledged > 0);
});

test('a power cut at any byte of a file loses nothing', async () => {
  const { key } = await machine.states();
  await storedIn(await machine.states({ key }), 'ledger', 'kept');
  const { directory } = await machine.disk();
  const bytes = Buffer.from('a state that is being written');
  const { kind, hash } = nameOfObject('state', bytes);
  for (let size = 0; size <= bytes.length; size++) {
    const part = join(directory, `${kind}-${hash}.part`);
    await writeFile(part, bytes.subarray(0, size));
    assert.equal(await found('ledger', { key, store: await machine.disk() }), 'kept');
    assert.ok(!(await readdir(directory)).some((file) => file.endsWith('.part')));
  }
});

/** Passes commands to the machine's TPM, as dom0 does, and does `meddle` to those that extend the root. */
function meddling(meddle: (command: Buffer, pass: Transport['transmit']) => Promise<Buffer>) {
  const pass: Transport['transmit'] = (command) => machine.transport.transmit(command);
  const transmit = (command: Buffer) =>
    command.readUInt32BE(6) === COMMAND_CODES.NV_Extend ? meddle(command, pass) : pass(command);
  return { description: 'dom0', transmit, close: async () => {} };
}

const SUCCESS = Buffer.from('80010000000a00000000', 'hex');

test('dom0 that drops commands, loses responses and lies has the guest wait, and no more', async () => {
  const { key } = await machine.states();
  let times = 0;
  const dom0 = meddling(async (command, pass) => {
    times++;
    if (times === 1) return SUCCESS;
    if (times === 2) throw new Error('lost before');
    if (times === 3) {
      const response = Buffer.from(await pass(command));
      response.writeUInt8(response.readUInt8(response.length - 1) ^ 1, response.length - 1);
      return response;
    }
    return pass(command);
  });
  const { states, said } = await machine.states({ key, root: await machine.root(key, dom0) });
  const held = await states.open('ledger');
  await held.store(Buffer.from('one'));
  assert.equal(times, 3);
  assert.equal(said.length, 2, said.join());
  await held.store(Buffer.from('two'));
  await machine.reboot();
  assert.equal(await found('ledger'), 'two');
});

test('dom0 that keeps a command and lets it through later destroys the states, and brings no older one back', async () => {
  const { key } = await machine.states();
  let kept: Buffer | undefined;
  const dom0 = meddling(async (command, pass) => {
    if (kept !== undefined) return pass(command);
    kept = command;
    throw new Error('lost');
  });
  // The session of that command, which is not flushed, stays good in the TPM.
  const pass = dom0.transmit;
  let flushes = true;
  dom0.transmit = async (command) => {
    const code = command.readUInt32BE(6);
    if (code === COMMAND_CODES.FlushContext && !flushes) {
      flushes = true;
      return SUCCESS;
    }
    if (code === COMMAND_CODES.NV_Extend && kept === undefined) flushes = false;
    return pass(command);
  };
  const root = await machine.root(key, dom0);
  const { states, said } = await machine.states({ key, root });
  const held = await states.open('ledger');
  await held.store(Buffer.from('one'));
  await machine.backUp('one');
  const response = await machine.transport.transmit(kept as Buffer);
  assert.equal(response.readUInt32BE(6), 0, 'the TPM takes it: the session was kept, too');
  await assert.rejects(held.store(Buffer.from('two')), /All states are lost/);
  assert.match(said.join(), /is not stored yet: lost/);
  await machine.reboot();
  assert.match((await found('ledger')) ?? '', /waits: .*it is older, or of another machine/);
  await machine.putBack('one');
  assert.match((await found('ledger')) ?? '', /waits: .*it is older, or of another machine/);
});

test('dom0 that answers with what the TPM said before is not believed', async () => {
  const { key } = await machine.states();
  await storedIn(await machine.states({ key }), 'ledger', 'one');
  await machine.backUp('older');
  const heard = new Map<number, Buffer[]>();
  let replays = false;
  const transmit = async (command: Buffer) => {
    const code = command.readUInt32BE(6);
    const before = heard.get(code);
    if (replays && before?.length) return before.shift() as Buffer;
    const response = await machine.transport.transmit(command);
    heard.set(code, [...(before ?? []), response]);
    return response;
  };
  const dom0 = { description: 'dom0', transmit, close: async () => {} };
  const first = await machine.states({ key, root: await machine.root(key, dom0) });
  await first.states.open('ledger');
  await storedIn(await machine.states({ key }), 'ledger', 'two');
  await machine.putBack('older');
  replays = true;
  const root = await machine.root(key, dom0);
  assert.match((await found('ledger', { key, root })) ?? '', /waits: .*(HMAC|waits)/);
});

test('a guest that has its state stored again and again wears the TPM out slowly', async () => {
  let extended = 0;
  const { key } = await machine.states();
  const index = await machine.root(key);
  const root = {
    read: () => index.read(),
    extend: (hash: Buffer) => {
      extended++;
      return index.extend(hash);
    },
  };
  const { states } = await machine.states({ key, root, now: () => 0 });
  const [busy, other] = [await states.open('busy'), await states.open('other')];
  for (let times = 0; times < 200; times++) await busy.store(Buffer.from(String(times)));
  const more = busy.store(Buffer.from('more')).then(() => 'stored');
  assert.equal(await Promise.race([more, sleep(200, 'waits')]), 'waits');
  await other.store(Buffer.from('one'));
  assert.equal(extended, 201);
});

test('what many guests change at once is one write of the TPM, or two', async () => {
  let extended = 0;
  const { key } = await machine.states();
  const index = await machine.root(key);
  const root = {
    read: () => index.read(),
    extend: (hash: Buffer) => {
      extended++;
      return index.extend(hash);
    },
  };
  const { states } = await machine.states({ key, root });
  const names = Array.from({ length: 12 }, (_, number) => `guest${number}`);
  const held = await Promise.all(names.map((name) => states.open(name)));
  await Promise.all(held.map((one, number) => one.store(Buffer.from(String(number)))));
  assert.ok(extended <= 2, String(extended));
  for (const name of names) {
    const { states: later } = await machine.states({ key });
    assert.equal(text((await later.open(name)).newest), name.slice('guest'.length));
  }
});

test("a store is one command of the machine's TPM after the first, and the next TPM of a guest begins without dom0", async () => {
  const { key } = await machine.states();
  const commands: number[] = [];
  const transport: Transport = {
    description: 'dom0',
    transmit(command) {
      commands.push(command.readUInt32BE(6));
      return machine.transport.transmit(command);
    },
    close: async () => {},
  };
  const disk = await machine.disk();
  const asked: string[] = [];
  const store = new Proxy(disk, {
    get: (of, name) => {
      const member: unknown = Reflect.get(of, name);
      if (typeof member !== 'function') return member;
      return (...given: unknown[]) => {
        asked.push(String(name));
        return Reflect.apply(member, of, given);
      };
    },
  });
  const { states } = await machine.states({ key, store, root: await machine.root(key, transport) });
  const first = await states.open('ledger');
  await first.store(Buffer.from('one'));
  commands.length = 0;
  await first.store(Buffer.from('two'));
  assert.deepEqual(commands, [COMMAND_CODES.NV_Extend]);
  first.close();
  (await states.open('other')).close();
  asked.length = 0;
  const second = await states.open('ledger');
  assert.equal(text(second.newest), 'two');
  assert.deepEqual(asked, []);
});

test('dom0 that begins anew, without the session, has nobody wait', async () => {
  const { states, said } = await machine.states({ patience: 1_000_000 });
  const held = await states.open('ledger');
  await held.store(Buffer.from('one'));
  await machine.endSessions();
  await held.store(Buffer.from('two'));
  assert.match(said.join(), /^the TPM of ledger is not stored yet: [^,]*$/);
  await machine.reboot();
  assert.equal(await found('ledger'), 'two');
});

test('a TPM that was made before dom0 wants another is known as such', async () => {
  const { states } = await machine.states();
  const fresh = await states.open('ledger');
  await fresh.store(Buffer.from('one'));
  fresh.close();
  const next = await states.open('ledger');
  assert.equal(await next.isUnwanted(performance.now()), false);
  await (await machine.disk()).reset('ledger');
  assert.equal(await next.isUnwanted(0), true, 'dom0 was not asked before it was opened');
  // What was on its way then is stored, and is not what is opened next.
  await next.store(Buffer.from('two'));
  next.close();
  const anew = await states.open('ledger');
  assert.equal(anew.newest, undefined);
  assert.equal(await anew.isUnwanted(performance.now()), false);
});

test('where dom0 did not answer, it is asked before the state is opened again', async () => {
  const disk = await machine.disk();
  let answers = true;
  const store: ObjectStore = {
    put: (objects) => disk.put(objects),
    get: (name) => disk.get(name),
    lists: () => disk.lists(),
    keep: (names) => disk.keep(names),
    wasReset: (guest) => disk.wasReset(guest),
    resets: async () => {
      if (!answers) throw new Error('dom0 does not answer');
      return disk.resets();
    },
  };
  const { states } = await machine.states({ store });
  const fresh = await states.open('ledger');
  await fresh.store(Buffer.from('one'));
  fresh.close();
  const next = await states.open('ledger');
  answers = false;
  await assert.rejects(next.isUnwanted(performance.now()), /does not answer/);
  next.close();
  answers = true;
  const asked = await states.open('ledger');
  assert.equal(text(asked.newest), 'one');
  assert.equal(await asked.isUnwanted(0), false, 'it was asked since');
  await disk.reset('ledger');
  assert.equal(await asked.isUnwanted(performance.now()), true);
  asked.close();
  assert.equal((await states.open('ledger')).newest, undefined);
});
