import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { Backend } from '../../../vtpm/backend/backend.ts';
import { XenbusState } from '../../../vtpm/backend/device.ts';
import { failureResponse, RingState } from '../../../vtpm/backend/ring.ts';
import type { GuestTpm } from '../../../vtpm/backend/software-tpm.ts';
import { FakePage, FakeRings, FakeStore } from '../../lib/fake-xen-devices.ts';

const HOME = 'backend/vtpm';
const command = Buffer.from('80010000000c0000017b0008', 'hex');

/** A TPM that answers with its own number, when it is let. */
class FakeTpm implements GuestTpm {
  readonly commands: Buffer[] = [];
  stopped = false;
  /** Settles when the command that runs may end. */
  gate: Promise<void> = Promise.resolve();
  readonly #answer: Buffer;

  constructor(serial: number) {
    this.#answer = Buffer.concat([Buffer.from('80010000000b00000000', 'hex'), Buffer.of(serial)]);
  }

  async transmit(sent: Buffer): Promise<Buffer> {
    this.commands.push(sent);
    await this.gate;
    return this.#answer;
  }

  async stop(): Promise<void> {
    this.stopped = true;
  }
}

function platform() {
  const store = new FakeStore();
  const rings = new FakeRings();
  const tpms: FakeTpm[] = [];
  const said: string[] = [];
  const backend = new Backend({
    ...{ store, rings, say: (text: string) => said.push(text) },
    startTpm: async () => {
      const tpm = new FakeTpm(tpms.length + 1);
      tpms.push(tpm);
      return tpm;
    },
  });
  const frontend = (domid: number) => `/local/domain/${domid}/device/vtpm/0`;
  /** What the toolstack writes. */
  const attach = (domid: number, uuid = 'a') => {
    store.write(`${HOME}/${domid}/0/frontend`, frontend(domid));
    store.write(`${HOME}/${domid}/0/frontend-id`, String(domid));
    store.write(`${HOME}/${domid}/0/uuid`, uuid);
    store.write(`${frontend(domid)}/state`, '1');
    return backend.handle(`${HOME}/${domid}/0/frontend`, HOME);
  };
  /** What a guest writes. */
  const guestSays = (domid: number, entries: Record<string, string | number>) => {
    for (const [name, value] of Object.entries(entries)) {
      store.write(`${frontend(domid)}/${name}`, String(value));
    }
    return backend.handle(`${frontend(domid)}/state`, `${domid}/0`);
  };
  const connect = async (domid: number) => {
    const page = new FakePage();
    rings.pages.set(`${domid}/8`, page);
    rings.channels.add(`${domid}/9`);
    const ring = { 'ring-ref': 8, 'event-channel': 9, 'feature-protocol-v2': 1 };
    await guestSays(domid, { ...ring, state: XenbusState.initialised });
    return page;
  };
  const state = (domid: number) => Number(store.read(`${HOME}/${domid}/0/state`));
  return { store, rings, tpms, said, backend, attach, guestSays, connect, state };
}

describe('the back end of vTPM devices', () => {
  test('a device is offered, connected and served', async () => {
    const { store, rings, tpms, attach, connect, state } = platform();
    await attach(5);
    assert.equal(state(5), XenbusState.initWait);
    assert.equal(store.read(`${HOME}/5/0/feature-protocol-v2`), '1');
    const page = await connect(5);
    assert.equal(state(5), XenbusState.connected);
    page.submit(command);
    await rings.bound.get(1)?.();
    assert.deepEqual(tpms[0]?.commands, [command]);
    assert.equal(page.state, RingState.finish);
    assert.equal(page.response.at(-1), 1);
    assert.deepEqual(rings.notifications, [1]);
  });

  test('each guest has a TPM of its own', async () => {
    const { rings, tpms, attach, connect } = platform();
    const pages = [];
    for (const domid of [5, 6]) {
      await attach(domid);
      pages.push(await connect(domid));
    }
    for (const page of pages) page.submit(command);
    for (const notified of rings.bound.values()) await notified();
    assert.deepEqual(
      pages.map(({ response }) => response.at(-1)),
      [1, 2],
    );
    assert.equal(tpms.length, 2);
  });

  test('devices that were there before the back end are found', async () => {
    const { backend, store, tpms } = platform();
    store.write(`${HOME}/5/0/frontend`, '/local/domain/5/device/vtpm/0');
    store.write(`${HOME}/6/0/frontend`, '/local/domain/6/device/vtpm/0');
    await backend.handle(HOME, HOME);
    assert.equal(tpms.length, 2);
  });

  test('what a guest submits wrongly does not reach its TPM', async () => {
    const { rings, tpms, said, attach, connect } = platform();
    await attach(5);
    const page = await connect(5);
    page.submit(command, { length: 0xffff });
    await rings.bound.get(1)?.();
    assert.equal(page.state, RingState.finish);
    assert.equal(page.response.readUInt32BE(6), 0x142);
    assert.deepEqual(tpms[0]?.commands, []);
    assert.equal(said.at(-1), 'domain 5 submitted a length of 65535');
  });

  test('what fails for one guest does not end the service', async () => {
    const { rings, said, attach, connect } = platform();
    await attach(5);
    const page = await connect(5);
    page.submit(command);
    rings.notify = () => {
      throw new Error('no such port');
    };
    await rings.bound.get(1)?.();
    assert.equal(said.at(-1), 'domain 5: no such port');
  });

  const ring = { 'ring-ref': 8, 'event-channel': 9, 'feature-protocol-v2': 1 };
  const wrong: Record<string, Record<string, string | number>> = {
    'a grant that is none': { ...ring, 'ring-ref': 7 },
    'a channel that is none': { ...ring, 'event-channel': 7 },
    'a reference that is no number': { ...ring, 'ring-ref': '8; 9' },
    'a reference over 32 bits': { ...ring, 'ring-ref': 2 ** 32 },
    'no channel': { 'ring-ref': 8, 'feature-protocol-v2': 1 },
    'version 1 of the protocol': { 'ring-ref': 8, 'event-channel': 9 },
  };
  for (const [what, entries] of Object.entries(wrong)) {
    test(`a guest that offers ${what} is turned away, and may try again`, async () => {
      const { rings, attach, guestSays, connect, state } = platform();
      await attach(5);
      const page = new FakePage();
      rings.pages.set('5/8', page);
      rings.channels.add('5/9');
      page.mapped = false;
      await guestSays(5, { ...entries, state: XenbusState.initialised });
      assert.equal(state(5), XenbusState.closed);
      assert.equal(page.mapped, false);
      assert.equal(rings.bound.size, 0);
      await guestSays(5, { state: XenbusState.initialising });
      assert.equal(state(5), XenbusState.initWait);
      await connect(5);
      assert.equal(state(5), XenbusState.connected);
    });
  }

  test('a guest that leaves and comes back meets the same TPM', async () => {
    const { rings, tpms, attach, guestSays, connect, state } = platform();
    await attach(5);
    const page = await connect(5);
    await guestSays(5, { state: XenbusState.closing });
    assert.equal(state(5), XenbusState.closing);
    assert.equal(page.mapped, false);
    assert.equal(rings.bound.size, 0);
    await guestSays(5, { state: XenbusState.closed });
    assert.equal(state(5), XenbusState.closed);
    await guestSays(5, { state: XenbusState.initialising });
    await connect(5);
    assert.equal(state(5), XenbusState.connected);
    assert.equal(tpms.length, 1);
    assert.equal(tpms[0]?.stopped, false);
  });

  test('a guest that comes back while its command runs waits for the end of it', async () => {
    const { rings, tpms, attach, guestSays, connect, state } = platform();
    await attach(5);
    const first = await connect(5);
    let open = () => {};
    const tpm = tpms[0] as FakeTpm;
    tpm.gate = new Promise((resolve) => {
      open = resolve;
    });
    first.submit(command);
    const running = rings.bound.get(1)?.();
    await guestSays(5, { state: XenbusState.closed });
    const second = await connect(5);
    assert.equal(state(5), XenbusState.closed);
    open();
    await running;
    assert.equal(state(5), XenbusState.connected);
    // The response was for nobody: it is in neither page.
    assert.equal(first.state, RingState.submit);
    assert.equal(second.state, RingState.idle);
    assert.equal(tpm.commands.length, 1);
  });

  test('when the device is gone, so is the TPM', async () => {
    const { store, rings, tpms, backend, attach, connect } = platform();
    await attach(5);
    const page = await connect(5);
    store.remove(`${HOME}/5`);
    await backend.handle(`${HOME}/5`, HOME);
    assert.equal(page.mapped, false);
    assert.equal(rings.bound.size, 0);
    assert.equal(tpms[0]?.stopped, true);
    assert.deepEqual([...store.watches], []);
  });

  test('when the toolstack takes the device away, it is closed, and its directory removed later', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { store, rings, tpms, backend, attach, connect, state } = platform();
    await attach(5);
    const page = await connect(5);
    store.write(`${HOME}/5/0/online`, '0');
    store.write(`${HOME}/5/0/state`, '5');
    await backend.handle(`${HOME}/5/0/online`, HOME);
    assert.equal(state(5), XenbusState.closed);
    assert.equal(page.mapped, false);
    assert.equal(rings.bound.size, 0);
    assert.equal(tpms[0]?.stopped, true);
    await backend.handle(`${HOME}/5/0/state`, HOME);
    assert.equal(tpms.length, 1);
    t.mock.timers.tick(1000);
    assert.deepEqual(store.list(HOME), []);
  });

  test('another device at the same place has another TPM', async () => {
    const { tpms, attach, connect } = platform();
    await attach(5);
    await connect(5);
    await attach(5, 'b');
    assert.equal(tpms.length, 2);
    assert.equal(tpms[0]?.stopped, true);
  });

  test('a device that goes before its TPM has started is not connected', async () => {
    const store = new FakeStore();
    const rings = new FakeRings();
    const tpm = new FakeTpm(1);
    let start = (_: GuestTpm) => {};
    const backend = new Backend({
      ...{ store, rings, say: () => {} },
      startTpm: () =>
        new Promise((resolve) => {
          start = resolve;
        }),
    });
    store.write(`${HOME}/5/0/frontend`, '/local/domain/5/device/vtpm/0');
    await backend.handle(HOME, HOME);
    assert.equal(store.read(`${HOME}/5/0/state`), String(XenbusState.initWait));
    store.remove(`${HOME}/5`);
    const gone = backend.handle(HOME, HOME);
    start(tpm);
    await gone;
    assert.equal(tpm.stopped, true);
    assert.equal(rings.bound.size, 0);
  });

  test('a TPM that cannot start leaves the others alone', async () => {
    const store = new FakeStore();
    const said: string[] = [];
    const backend = new Backend({
      ...{ store, rings: new FakeRings(), say: (text: string) => said.push(text) },
      startTpm: async () => {
        throw new Error('swtpm ended with status 1');
      },
    });
    store.write(`${HOME}/5/0/frontend`, '/local/domain/5/device/vtpm/0');
    await backend.handle(HOME, HOME);
    await setImmediate();
    assert.deepEqual(said, ['backend/vtpm/5/0: swtpm ended with status 1']);
  });

  test('a TPM that is gone answers with a failure', () => {
    assert.equal(failureResponse().toString('hex'), '80010000000a00000101');
  });
});
