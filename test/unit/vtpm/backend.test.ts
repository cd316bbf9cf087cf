import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { DomainLife } from '../../../bindings/xen/inventory.ts';
import type { RecordedGuest } from '../../../domains/vtpm-guests.ts';
import { Backend, closeDevices } from '../../../vtpm/backend/backend.ts';
import { XenbusState } from '../../../vtpm/backend/device.ts';
import { failureResponse } from '../../../vtpm/backend/failure.ts';
import { GuestRegister } from '../../../vtpm/backend/register.ts';
import type { GuestTpm } from '../../../vtpm/backend/software-tpm.ts';
import { FakePage, FakeRings, FakeStore } from '../../lib/fake-xen-devices.ts';

const HOME = 'backend/vtpm';

class FakeTpm implements GuestTpm {
  readonly socket: string;
  stopped = false;

  constructor(serial: number) {
    this.socket = `TPM ${serial}`;
  }

  async stop(): Promise<void> {
    this.stopped = true;
  }
}

/** A guest that domB recorded. */
const guest5: RecordedGuest = {
  name: 'ledger',
  domid: 5,
  uuid: 'domain 5',
  sid: 7,
  launch: [],
  persistent: false,
};

function platform(
  start: (tpm: FakeTpm) => Promise<GuestTpm> = async (tpm) => tpm,
  recorded: RecordedGuest[] = [],
) {
  const store = new FakeStore();
  const rings = new FakeRings();
  const tpms: FakeTpm[] = [];
  const said: string[] = [];
  const clock = { now: 0 };
  /** What Xen has. */
  const domains = new Map(
    [5, 6].map((domid): [number, DomainLife] => [
      domid,
      { uuid: `domain ${domid}`, sid: 7, dying: false },
    ]),
  );
  const backend = new Backend({
    ...{ store, rings, say: (text: string) => said.push(text), now: () => clock.now },
    register: new GuestRegister(recorded, (domid) => domains.get(domid)),
    startTpm: async () => {
      const tpm = new FakeTpm(tpms.length + 1);
      tpms.push(tpm);
      return start(tpm);
    },
  });
  /** A change, and all that follows from it at once. */
  const changed = (path: string, token: string, times = 1) => {
    backend.handle(Array.from({ length: times }, () => ({ path, token })));
    return setImmediate();
  };
  const frontend = (domid: number) => `/local/domain/${domid}/device/vtpm/0`;
  /** What the toolstack writes. */
  const attach = (domid: number, uuid = 'a') => {
    store.write(`${HOME}/${domid}/0/frontend`, frontend(domid));
    store.write(`${HOME}/${domid}/0/frontend-id`, String(domid));
    store.write(`${HOME}/${domid}/0/uuid`, uuid);
    store.write(`${frontend(domid)}/state`, '1');
    return changed(`${HOME}/${domid}/0/frontend`, HOME);
  };
  /** What a guest writes. */
  const guestSays = (domid: number, entries: Record<string, string | number>) => {
    for (const [name, value] of Object.entries(entries)) {
      store.write(`${frontend(domid)}/${name}`, String(value));
    }
    return changed(`${frontend(domid)}/state`, `${domid}/0`);
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
  return {
    backend,
    domains,
    store,
    rings,
    tpms,
    said,
    clock,
    changed,
    frontend,
    attach,
    guestSays,
    connect,
    state,
  };
}

describe('the back end of vTPM devices', () => {
  test('a device is offered, connected and served', async () => {
    const { store, rings, tpms, attach, connect, state } = platform();
    await attach(5);
    assert.equal(state(5), XenbusState.initWait);
    assert.equal(store.read(`${HOME}/5/0/feature-protocol-v2`), '1');
    await connect(5);
    assert.equal(state(5), XenbusState.connected);
    const [passage] = rings.passages;
    const ring = { domid: 5, reference: 8, remotePort: 9, socket: 'TPM 1', uid: undefined };
    assert.deepEqual(passage?.ring, ring);
    assert.equal(tpms.length, 1);
  });

  test('nobody is called connected before commands pass', async () => {
    const { rings, said, attach, connect, state } = platform();
    let open = () => {};
    rings.ready = new Promise((resolve) => {
      open = resolve;
    });
    await attach(5);
    await connect(5);
    assert.equal(state(5), XenbusState.initWait);
    assert.deepEqual(said, []);
    open();
    await setImmediate();
    assert.equal(state(5), XenbusState.connected);
    assert.deepEqual(said, ['serves a TPM 2.0 to domain 5']);
  });

  test('each guest has a TPM of its own', async () => {
    const { rings, tpms, attach, connect } = platform();
    for (const domid of [5, 6]) {
      await attach(domid);
      await connect(domid);
    }
    assert.deepEqual(
      [5, 6].map((domid) => rings.socketOf(domid)),
      ['TPM 1', 'TPM 2'],
    );
    assert.equal(tpms.length, 2);
  });

  test('devices that were there before the back end are found', async () => {
    const { store, tpms, changed } = platform();
    store.write(`${HOME}/5/0/frontend`, '/local/domain/5/device/vtpm/0');
    store.write(`${HOME}/6/0/frontend`, '/local/domain/6/device/vtpm/0');
    await changed(HOME, HOME);
    assert.equal(tpms.length, 2);
  });

  test('what fails for one guest does not end the service', async () => {
    const { rings, said, changed, attach, guestSays, connect, state } = platform();
    for (const domid of [5, 6]) {
      await attach(domid);
      await connect(domid);
    }
    const [passage] = rings.passages;
    if (passage === undefined) return assert.fail('nothing passes');
    passage.events.said('domain 5 submitted a length of 65535');
    assert.equal(said.at(-1), 'domain 5 submitted a length of 65535');
    rings.passages.delete(passage);
    passage.events.ended('tpmback ended with SIGSEGV');
    assert.equal(said.at(-1), '/local/domain/5/device/vtpm/0: tpmback ended with SIGSEGV');
    assert.deepEqual([state(5), state(6)], [XenbusState.closed, XenbusState.connected]);
    assert.equal(rings.socketOf(6), 'TPM 2');
    // What we wrote is told to us, too. The page may have a command in it that was done.
    await changed(`${HOME}/5/0/state`, HOME);
    assert.equal(rings.started, 2);
    // It begins anew, and meets the same TPM.
    await guestSays(5, { state: XenbusState.initialising });
    await connect(5);
    assert.equal(rings.socketOf(5), 'TPM 1');
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
      await guestSays(5, { ...entries, state: XenbusState.initialised });
      assert.equal(state(5), XenbusState.closed);
      assert.equal(page.mapped, false);
      assert.equal(rings.passages.size, 0);
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
    // Its domid is nobody else's as long as its last page is mapped.
    assert.equal(page.mapped, true);
    assert.equal(rings.passages.size, 0);
    await guestSays(5, { state: XenbusState.closed });
    assert.equal(state(5), XenbusState.closed);
    await guestSays(5, { state: XenbusState.initialising });
    const next = await connect(5);
    assert.equal(state(5), XenbusState.connected);
    assert.deepEqual([page.mapped, next.mapped], [false, true]);
    assert.equal(tpms.length, 1);
    assert.equal(tpms[0]?.stopped, false);
  });

  test('a guest that comes back before its passage is gone waits for the end of it', async () => {
    const { rings, tpms, attach, guestSays, connect, state } = platform();
    await attach(5);
    const first = await connect(5);
    let open = () => {};
    rings.gone = new Promise((resolve) => {
      open = resolve;
    });
    await guestSays(5, { state: XenbusState.closed });
    const second = await connect(5);
    assert.equal(state(5), XenbusState.closed);
    assert.equal(rings.started, 1);
    open();
    await setImmediate();
    assert.equal(state(5), XenbusState.connected);
    assert.deepEqual([rings.started, rings.passages.size], [2, 1]);
    assert.deepEqual([first.mapped, second.mapped], [false, true]);
    assert.equal(tpms.length, 1);
  });

  test('one that left before it was called connected may have used its TPM: its page stays mapped', async () => {
    const { backend, rings, domains, attach, guestSays, connect } = platform();
    rings.ready = new Promise(() => {});
    await attach(5);
    const page = await connect(5);
    await guestSays(5, { state: XenbusState.closed });
    assert.equal(rings.passages.size, 0);
    assert.equal(page.mapped, true);
    domains.delete(5);
    backend.look();
    assert.equal(page.mapped, false);
  });

  test('entries that are gone from xenstore take nothing from a guest that lives', async () => {
    for (const recorded of [[], [guest5]]) {
      const { backend, store, rings, tpms, changed, attach, connect, state } = platform(
        undefined,
        recorded,
      );
      await attach(5);
      await connect(5);
      store.remove(HOME);
      await changed(HOME, HOME);
      store.remove('/local/domain/5');
      await changed('/local/domain/5/device/vtpm/0/state', '5/0');
      backend.look();
      assert.equal(rings.socketOf(5), 'TPM 1');
      assert.equal(rings.started, 1);
      // Nothing is written where dom0 has no device of ours.
      assert.deepEqual([...store.entries.keys()], []);
      // Written anew, they meet what is there.
      store.write(`${HOME}/5/0/frontend`, '/local/domain/5/device/vtpm/0');
      store.write(`${HOME}/5/0/uuid`, 'a');
      await changed(`${HOME}/5/0/frontend`, HOME);
      assert.equal(state(5), XenbusState.connected);
      assert.equal(store.read(`${HOME}/5/0/feature-protocol-v2`), '1');
      assert.equal(tpms.length, 1);
      assert.equal(tpms[0]?.stopped, false);
    }
  });

  test('when the toolstack takes the device away, it is closed, and its directory removed later', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { store, rings, tpms, changed, attach, connect, state } = platform();
    await attach(5);
    const page = await connect(5);
    store.write(`${HOME}/5/0/online`, '0');
    store.write(`${HOME}/5/0/state`, '5');
    await changed(`${HOME}/5/0/online`, HOME);
    assert.equal(state(5), XenbusState.closed);
    assert.equal(page.mapped, false);
    assert.equal(rings.passages.size, 0);
    assert.equal(tpms[0]?.stopped, true);
    await changed(`${HOME}/5/0/state`, HOME);
    assert.equal(tpms.length, 1);
    t.mock.timers.tick(1000);
    assert.deepEqual(store.list(HOME), []);
  });

  describe('a TPM ends with its domain, as Xen says it:', () => {
    const [uuid, sid] = ['domain 5', 7];
    const ends: Record<string, DomainLife | undefined> = {
      'the domain is gone': undefined,
      'it is dying': { uuid, sid, dying: true },
      'another one has its domid': { uuid: 'another', sid, dying: false },
      'another one, of another label, has them': { uuid, sid: 8, dying: false },
    };
    for (const [what, state] of Object.entries(ends)) {
      test(what, async () => {
        const {
          backend,
          domains,
          rings,
          tpms,
          changed,
          attach,
          guestSays,
          connect,
          ...platformOf5
        } = platform();
        await attach(5);
        const page = await connect(5);
        backend.look();
        assert.equal(tpms[0]?.stopped, false);
        if (state === undefined) domains.delete(5);
        else domains.set(5, state);
        // Nothing in xenstore tells of it.
        backend.look();
        await setImmediate();
        assert.equal(tpms[0]?.stopped, true);
        assert.equal(page.mapped, false);
        assert.equal(rings.passages.size, 0);
        assert.equal(platformOf5.state(5), XenbusState.closed);
        // Nor does the same device come back to life for whoever has the domid now; it gets a TPM of its own.
        domains.set(5, { uuid: 'next', sid, dying: false });
        await changed(HOME, HOME);
        await guestSays(5, { state: XenbusState.initialising });
        await connect(5);
        assert.equal(tpms.length, 2);
        assert.equal(tpms[1]?.stopped, false);
      });
    }

    test('a guest that connects is looked at first', async () => {
      const { domains, tpms, attach, guestSays, connect } = platform();
      await attach(5);
      await guestSays(5, { state: XenbusState.closed });
      domains.set(5, { uuid: 'another', sid, dying: false });
      await connect(5);
      assert.equal(tpms[0]?.stopped, true);
    });

    test('whoever has the domid by the time that the TPM has started does not get it', async () => {
      let start = (_: GuestTpm) => {};
      const { backend, domains, store, rings, tpms, said, attach, connect } = platform(
        () =>
          new Promise((resolve) => {
            start = resolve;
          }),
      );
      await attach(5);
      const page = await connect(5);
      domains.set(5, { uuid: 'another', sid, dying: false });
      start(tpms[0] as FakeTpm);
      await setImmediate();
      assert.equal(page.mapped, false);
      assert.equal(rings.passages.size, 0);
      assert.match(said.join(), /domain 5 is no longer the one that the TPM is for/);
      backend.look();
      await setImmediate();
      assert.equal(tpms[0]?.stopped, true);
      assert.equal(store.read(`${HOME}/5/0/state`), String(XenbusState.closed));
    });

    test('a domain that runs on keeps it', async () => {
      const { backend, tpms, attach, connect } = platform();
      await attach(5);
      await connect(5);
      for (let round = 0; round < 3; round++) backend.look();
      assert.equal(tpms[0]?.stopped, false);
    });

    test('a device of a domain that Xen does not have is not offered', async () => {
      const { store, tpms, said, attach } = platform();
      await attach(7);
      assert.equal(tpms.length, 0);
      assert.equal(store.read(`${HOME}/7/0/state`), undefined);
      assert.match(said.join(), /there is no domain 7/);
    });

    test('its directory is removed when the toolstack takes it away then', async (t) => {
      t.mock.timers.enable({ apis: ['setTimeout'] });
      const { backend, domains, store, changed, attach, state } = platform();
      await attach(5);
      domains.delete(5);
      backend.look();
      store.write(`${HOME}/5/0/online`, '0');
      await changed(`${HOME}/5/0/online`, HOME);
      assert.equal(state(5), XenbusState.closed);
      t.mock.timers.tick(1000);
      assert.deepEqual(store.list(HOME), []);
    });
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
    let start = (_: GuestTpm) => {};
    const { store, rings, tpms, changed, attach, state } = platform(
      () =>
        new Promise((resolve) => {
          start = resolve;
        }),
    );
    await attach(5);
    assert.equal(state(5), XenbusState.initWait);
    store.write(`${HOME}/5/0/online`, '0');
    await changed(HOME, HOME);
    start(tpms[0] as FakeTpm);
    await setImmediate();
    assert.equal(tpms[0]?.stopped, true);
    assert.equal(rings.passages.size, 0);
  });

  test('a TPM that cannot start leaves the others alone', async () => {
    const { tpms, said, attach, connect, state } = platform(async (tpm) => {
      if (tpms.length === 1) throw new Error('swtpm ended with status 1');
      return tpm;
    });
    await attach(5);
    assert.deepEqual(said, ['backend/vtpm/5/0: swtpm ended with status 1']);
    await attach(6);
    await connect(6);
    assert.equal(state(6), XenbusState.connected);
  });

  test('one that takes long to start does not keep the others waiting', async () => {
    const { tpms, attach, connect, state } = platform((tpm) =>
      tpms.length === 1 ? new Promise(() => {}) : Promise.resolve(tpm),
    );
    await attach(5);
    await attach(6);
    await connect(6);
    assert.equal(state(6), XenbusState.connected);
  });

  test('nor does one that takes long to end; the next one at its place waits for it', async () => {
    const { tpms, attach, connect, state } = platform();
    let end = () => {};
    await attach(5);
    const first = tpms[0] as FakeTpm;
    first.stop = () =>
      new Promise((resolve) => {
        end = resolve;
      });
    await attach(5, 'b');
    await attach(6);
    await connect(6);
    assert.equal(state(6), XenbusState.connected);
    assert.equal(tpms.length, 2);
    end();
    await setImmediate();
    assert.equal(tpms.length, 3);
  });

  test('what xenstore refuses for one device is said, and the others are served', async () => {
    const { store, said, changed, connect, state } = platform();
    const write = store.write.bind(store);
    store.write = (path, value) => {
      if (path.startsWith(`${HOME}/5/`)) throw new Error('xs_write: EACCES');
      write(path, value);
    };
    for (const domid of [5, 6]) {
      write(`${HOME}/${domid}/0/frontend`, `/local/domain/${domid}/device/vtpm/0`);
    }
    await changed(HOME, HOME);
    assert.deepEqual(said, ['backend/vtpm/5/0: xs_write: EACCES']);
    await connect(6);
    assert.equal(state(6), XenbusState.connected);
  });

  test('a TPM that was started for a device that xenstore refuses by then is stopped with it', async () => {
    let start = (_: GuestTpm) => {};
    const { backend, domains, store, tpms, said, attach, guestSays } = platform(
      () =>
        new Promise((resolve) => {
          start = resolve;
        }),
    );
    await attach(5);
    await guestSays(5, { state: XenbusState.closing });
    store.write = () => {
      throw new Error('xs_write: ENOENT');
    };
    store.entries.set('/local/domain/5/device/vtpm/0/state', '1');
    start(tpms[0] as FakeTpm);
    await setImmediate();
    assert.equal(said.at(-1), 'backend/vtpm/5/0: xs_write: ENOENT');
    domains.delete(5);
    backend.look();
    await setImmediate();
    assert.equal(tpms[0]?.stopped, true);
  });

  describe('a guest that domB recorded', () => {
    const recordedPlatform = () => platform(undefined, [guest5]);

    test('has one TPM, whatever dom0 writes about its device', async (t) => {
      t.mock.timers.enable({ apis: ['setTimeout'] });
      const { store, said, tpms, changed, attach, connect, state } = recordedPlatform();
      await attach(5);
      const page = await connect(5);
      await attach(5, 'another UUID of the device');
      store.write(`${HOME}/5/0/online`, '0');
      store.write(`${HOME}/5/0/state`, '5');
      await changed(`${HOME}/5/0/online`, HOME);
      assert.equal(state(5), XenbusState.closed);
      assert.equal(page.mapped, true);
      t.mock.timers.tick(1000);
      assert.deepEqual(store.list(HOME), []);
      await attach(5, 'b');
      assert.equal(state(5), XenbusState.initWait);
      await connect(5);
      assert.equal(state(5), XenbusState.connected);
      store.write(`${HOME}/5/1/frontend`, '/local/domain/5/device/vtpm/1');
      await changed(`${HOME}/5/1/frontend`, HOME);
      assert.equal(said.at(-1), 'backend/vtpm/5/1: ledger has one TPM, as device 0: no TPM');
      assert.equal(tpms.length, 1);
      assert.equal(tpms[0]?.stopped, false);
    });

    test('is not connected while its device is taken away', async () => {
      const { store, rings, changed, attach, connect, state } = recordedPlatform();
      await attach(5);
      store.write(`${HOME}/5/0/online`, '0');
      await changed(`${HOME}/5/0/online`, HOME);
      await connect(5);
      assert.equal(state(5), XenbusState.closed);
      assert.equal(rings.passages.size, 0);
    });

    const others: Record<string, { domid: number; life: DomainLife; said: RegExp }> = {
      'with its domid and UUID, and another label': {
        domid: 5,
        life: { uuid: 'domain 5', sid: 8, dying: false },
        said: /domain 5 has the UUID of ledger and is not the one that domB made: no TPM/,
      },
      'with its domid, UUID and label': {
        domid: 5,
        life: { uuid: 'domain 5', sid: 7, dying: false },
        said: /domain 5 has the UUID of ledger .* made, which has ended: no TPM/,
      },
      'with its UUID under another domid': {
        domid: 6,
        life: { uuid: 'domain 5', sid: 7, dying: false },
        said: /domain 6 has the UUID of ledger and is not the one that domB made: no TPM/,
      },
    };
    for (const [what, { domid, life, said: expected }] of Object.entries(others)) {
      test(`leaves nothing to a domain ${what}`, async () => {
        const { backend, domains, said, tpms, attach, connect, state } = recordedPlatform();
        await attach(5);
        await connect(5);
        domains.delete(5);
        // Xen gives the domid to nobody else before the page is let go.
        backend.look();
        domains.set(domid, life);
        backend.look();
        await attach(domid);
        await connect(domid);
        assert.equal(tpms.length, 1);
        assert.equal(tpms[0]?.stopped, true);
        assert.notEqual(state(domid), XenbusState.connected);
        assert.match(said.join('\n'), expected);
        // Said once.
        const lines = said.length;
        await attach(domid);
        assert.equal(said.length, lines);
      });
    }

    test('whose end was seen before it had a device is not replaced either', async () => {
      const { backend, domains, tpms, attach } = recordedPlatform();
      backend.look();
      domains.delete(5);
      backend.look();
      domains.set(5, { uuid: 'domain 5', sid: 7, dying: false });
      await attach(5);
      assert.equal(tpms.length, 0);
    });

    test('is replaced by a domain of another UUID, which gets a TPM of its own', async () => {
      const { domains, tpms, attach, connect, state } = recordedPlatform();
      await attach(5);
      await connect(5);
      domains.set(5, { uuid: 'later', sid: 7, dying: false });
      await attach(5);
      await connect(5);
      assert.equal(state(5), XenbusState.connected);
      assert.deepEqual(
        tpms.map(({ stopped }) => stopped),
        [true, false],
      );
    });
  });

  test('a device whose front end is said to be elsewhere is not offered', async () => {
    const { store, said, tpms, changed } = platform();
    store.write(`${HOME}/5/0/frontend`, '/local/domain/6/device/vtpm/0');
    await changed(`${HOME}/5/0/frontend`, HOME);
    assert.equal(tpms.length, 0);
    assert.match(said.join(), /its front end is \/local\/domain\/6\/device\/vtpm\/0, not /);
  });

  describe('a guest that writes its state without end', () => {
    const frontend = '/local/domain/5/device/vtpm/0';

    test('is let alone for ten seconds, and then looked at again', async (t) => {
      t.mock.timers.enable({ apis: ['setTimeout'] });
      const { store, said, clock, changed, attach, connect, guestSays, state } = platform();
      await attach(5);
      await changed(`${frontend}/state`, '5/0', 20_000);
      assert.deepEqual(said, [`${frontend} changes too often: it is not looked at for 10 s`]);
      assert.ok(!store.watches.has(`5/0 ${frontend}/state`));
      await connect(5);
      assert.equal(state(5), XenbusState.initWait);
      await attach(6);
      await connect(6);
      assert.equal(state(6), XenbusState.connected);
      clock.now += 10_000;
      t.mock.timers.tick(10_000);
      assert.ok(store.watches.has(`5/0 ${frontend}/state`));
      await guestSays(5, {});
      assert.equal(state(5), XenbusState.connected);
      assert.equal(said.length, 3, said.join('\n'));
    });

    test('gets one look for all changes that came together', async () => {
      const { store, changed, attach } = platform();
      await attach(5);
      let reads = 0;
      const read = store.read.bind(store);
      store.read = (path) => {
        reads += path === `${frontend}/state` ? 1 : 0;
        return read(path);
      };
      await changed(`${frontend}/state`, '5/0', 50);
      assert.equal(reads, 1);
    });

    test('gets none for what it writes below its state, and the same end', async () => {
      const { store, changed, attach } = platform();
      await attach(5);
      store.read = (path) => assert.fail(path);
      await changed(`${frontend}/state/more`, '5/0', 50);
      assert.ok(store.watches.has(`5/0 ${frontend}/state`));
      await changed(`${frontend}/state/more`, '5/0');
      assert.ok(!store.watches.has(`5/0 ${frontend}/state`));
    });

    test('a front end that connects and leaves as fast as it can is let alone in time, too', async () => {
      const { store, attach, connect, guestSays } = platform();
      await attach(5);
      let rounds = 0;
      while (store.watches.has(`5/0 ${frontend}/state`) && rounds < 100) {
        await connect(5);
        await guestSays(5, { state: XenbusState.closed });
        await guestSays(5, { state: XenbusState.initialising });
        rounds += 1;
      }
      assert.equal(rounds, 17);
    });

    test('says little, whatever it does', async () => {
      const { rings, said, attach, connect } = platform();
      await attach(5);
      await connect(5);
      const [passage] = rings.passages;
      for (let round = 0; round < 100; round++) passage?.events.said('domain 5 submitted nothing');
      assert.equal(said.length, 10);
    });
  });

  test('what is attached again within the second is not removed', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    for (const uuid of ['a', 'b']) {
      const { store, tpms, changed, attach } = platform();
      await attach(5);
      store.write(`${HOME}/5/0/online`, '0');
      await changed(`${HOME}/5/0/online`, HOME);
      store.write(`${HOME}/5/0/online`, '1');
      await attach(5, uuid);
      t.mock.timers.tick(1000);
      assert.equal(store.read(`${HOME}/5/0/uuid`), uuid);
      assert.equal(tpms.length, 2);
      assert.equal(tpms[1]?.stopped, false);
    }
  });

  test('when it has ended, all its devices are closed', () => {
    const store = new FakeStore();
    const said: string[] = [];
    for (const domid of [5, 6, 7]) store.write(`${HOME}/${domid}/0/state`, '4');
    const write = store.write.bind(store);
    store.write = (path, value) => {
      if (path.includes('/6/')) throw new Error('xs_write: EACCES');
      write(path, value);
    };
    closeDevices(store, (text) => said.push(text));
    const states = [5, 6, 7].map((domid) => store.read(`${HOME}/${domid}/0/state`));
    assert.deepEqual(states, ['6', '4', '6']);
    assert.deepEqual(said, ['backend/vtpm/6/0: xs_write: EACCES']);
  });

  test('a TPM that is gone answers with a failure', () => {
    assert.equal(failureResponse().toString('hex'), '80010000000a00000101');
  });
});

test('the TPM of a guest that is started anew ends before its next one starts, also when nobody has noticed its end yet', async () => {
  const { attach, domains, tpms, said } = platform(undefined, [{ ...guest5, persistent: true }]);
  await attach(5);
  assert.equal(tpms.length, 1);
  domains.delete(5);
  domains.set(8, { uuid: guest5.uuid, sid: guest5.sid, dying: false });
  await attach(8, 'b');
  assert.ok(tpms[0]?.stopped);
  assert.equal(tpms.length, 2);
  assert.match(said.join(), /ledger is started anew, as domain 8,forgets the TPM of domain 5/);
});
