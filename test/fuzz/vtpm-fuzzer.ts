import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import type { DomainLife } from '../../bindings/xen/inventory.ts';
import { domainNodes } from '../../introduction/nodes.ts';
import { parseBootRecord, RecordError } from '../../introduction/record.ts';
import { Backend } from '../../vtpm/backend/backend.ts';
import { GuestRegister } from '../../vtpm/backend/register.ts';
import type { GuestTpm } from '../../vtpm/backend/software-tpm.ts';
import {
  type BackendRing,
  MAX_MESSAGE,
  PAGE_SIZE,
  RingState,
  responseIn,
  submit,
} from '../lib/backend-ring.ts';
import { FakePage, FakeRings, FakeStore } from '../lib/fake-xen-devices.ts';
import { aRecord } from '../unit/introduction/support.ts';
import { mutate } from './bytes.ts';
import type { Random } from './random.ts';

/** TPM2_GetRandom. Part 3, 16.1. */
const COMMAND = Buffer.from('80010000000c0000017b0008', 'hex');

/** A page with anything in it: only what is one command reaches the TPM, and the page gets one answer. */
export function fuzzRing(random: Random, ring: BackendRing): void {
  const page = Buffer.alloc(PAGE_SIZE);
  submit(page, COMMAND);
  mutate(Buffer.from(page), Buffer.from(page), random).copy(page, 0, 0, PAGE_SIZE);
  if (random.below(2) === 0) page.writeUInt8(random.below(4), 4);
  if (random.below(2) === 0) page.writeUInt32LE(random.below(2 ** random.below(33)), 0);
  const asked = page.readUInt8(4);
  const request = ring.take(page);
  if (request.kind === 'command') {
    const { command } = request;
    assert.ok(command.length >= 10 && command.length <= MAX_MESSAGE);
    assert.equal(command.readUInt32BE(2), command.length);
    assert.equal(asked, RingState.submit);
    ring.respond(page, Buffer.alloc(random.below(2 * MAX_MESSAGE), 1));
    assert.equal(page.readUInt8(4), RingState.finish);
    assert.ok(page.readUInt32LE(0) <= MAX_MESSAGE);
  } else if (request.kind === 'refused') {
    ring.respondCode(page, request.code);
    assert.equal(responseIn(page).readUInt32BE(6), request.code);
    assert.notEqual(request.code, 0);
  } else if (request.kind === 'cancelled') {
    assert.equal(asked, RingState.cancel);
    ring.giveUp(page);
    assert.equal(page.readUInt8(4), RingState.idle);
  } else {
    assert.ok(asked !== RingState.submit && asked !== RingState.cancel);
  }
}

const HOME = 'backend/vtpm';
const DOMIDS = [1, 2, 3];

/** A TPM that tells when it is used. */
class WatchedTpm implements GuestTpm {
  readonly socket: string;
  readonly used: (domid: number) => void;
  stopped = false;

  constructor(socket: string, used: (domid: number) => void) {
    this.socket = socket;
    this.used = used;
  }

  async stop(): Promise<void> {
    this.stopped = true;
  }
}

/** The label that dom0 can give to a domain. */
const ORDINARY = 7;
/** Guests that domB recorded: of that label, and of one that dom0 can't give. */
const RECORDED = [
  { name: 'ordinary', domid: 1, uuid: 'recorded 1', sid: ORDINARY, launch: [], persistent: false },
  { name: 'protected', domid: 2, uuid: 'recorded 2', sid: 8, launch: [], persistent: false },
];

/**
 * Domains that come and go, also with the domid and UUID of others, dom0 and guests that write anything into xenstore: no TPM is
 * used by two domains, a recorded guest that lives keeps its own, nobody but the protected guest itself has a TPM as the protected
 * guest, and when all are gone nothing is left.
 */
export async function fuzzStore(random: Random): Promise<void> {
  const store = new FakeStore();
  const rings = new FakeRings();
  const domains = new Map<number, DomainLife>();
  /** Which domain of all that there were has a domid; nobody but Xen could tell. */
  const lives = new Map<number, number>();
  const tpms: WatchedTpm[] = [];
  /** The back end says what is thrown, and goes on. */
  const wrong: string[] = [];
  const life = (domid: number) => (domains.has(domid) ? (lives.get(domid) ?? 0) : 0);
  const register = new GuestRegister(RECORDED, (domid) => domains.get(domid));
  /** The TPM that a recorded guest uses. */
  const own = new Map<number, WatchedTpm>();
  const backend = new Backend({
    ...{ store, rings, say: () => {}, now: () => 0, register },
    startTpm: async ({ domid }) => {
      if (random.below(10) === 0) throw new Error('swtpm does not start');
      let user: number | undefined;
      const tpm: WatchedTpm = new WatchedTpm(`TPM ${tpms.length}`, () => {
        user ??= life(domid);
        if (life(domid) !== user) wrong.push('a TPM is used by two domains');
        if (tpm.stopped) wrong.push('a TPM is used after its end');
        const { uuid, sid } = domains.get(domid) ?? {};
        const recorded = RECORDED.find((guest) => guest.uuid === uuid);
        if (recorded === undefined) return;
        if (recorded.sid !== sid) wrong.push('another domain has a TPM in the name of a guest');
        if ((own.get(user) ?? tpm) !== tpm) wrong.push('a recorded guest has lost its TPM');
        own.set(user, tpm);
      });
      tpms.push(tpm);
      return tpm;
    },
  });
  let born = 0;
  const frontend = (domid: number) => `/local/domain/${domid}/device/vtpm/0`;
  const tell = (path: string, token: string) => backend.handle([{ path, token }]);
  const ends = (domid: number) => {
    // Xen keeps the domid until nobody maps a page; one of which nobody does may be gone before the back end looks.
    const state = domains.get(domid);
    if (rings.pages.get(`${domid}/8`)?.mapped || random.below(2) === 0) {
      if (state !== undefined) domains.set(domid, { ...state, dying: true });
      backend.look();
    }
    domains.delete(domid);
  };
  let made = false;
  /** Nobody but domB makes a protected guest, and it makes it once. */
  const identity = (domid: number) => {
    const guest = random.pick([
      RECORDED.find((each) => each.domid === domid),
      ...RECORDED,
      undefined,
    ]);
    if (guest === undefined) return { uuid: `life ${born}`, sid: ORDINARY };
    const itself = guest.sid !== ORDINARY && guest.domid === domid && !made;
    made ||= itself;
    return { uuid: guest.uuid, sid: itself ? guest.sid : ORDINARY };
  };
  const anything = () =>
    random.pick(['', '0', '1', '2', '3', '4', '5', '6', '-1', '8', '9', 'x\0', '4294967296']);
  const offer = (domid: number) => {
    if (!rings.pages.has(`${domid}/8`)) rings.pages.set(`${domid}/8`, new FakePage());
    rings.channels.add(`${domid}/9`);
    const ring = { 'ring-ref': '8', 'event-channel': '9', 'feature-protocol-v2': '1', state: '3' };
    for (const [name, value] of Object.entries(ring)) {
      store.write(`${frontend(domid)}/${name}`, value);
    }
    tell(`${frontend(domid)}/state`, `${domid}/0`);
  };
  const attach = (domid: number) => {
    store.write(`${HOME}/${domid}/0/frontend`, frontend(domid));
    store.write(`${HOME}/${domid}/0/uuid`, 'a');
    store.write(`${HOME}/${domid}/0/online`, '1');
    tell(`${HOME}/${domid}/0/frontend`, HOME);
  };
  /** All guests whose commands pass have one passed. */
  const use = () => {
    for (const { ring, serving } of rings.passages) {
      if (serving) tpms.find(({ socket }) => socket === ring.socket)?.used(ring.domid);
    }
  };
  const steps: ((domid: number) => void | Promise<void>)[] = [
    // A guest uses its TPM, and leaves it or not.
    async (domid) => {
      attach(domid);
      await setImmediate();
      offer(domid);
      await setImmediate();
      use();
      store.write(`${frontend(domid)}/state`, random.pick(['4', '6']));
      tell(`${frontend(domid)}/state`, `${domid}/0`);
    },
    (domid) => {
      if (domains.has(domid)) ends(domid);
      lives.set(domid, ++born);
      domains.set(domid, { ...identity(domid), dying: false });
    },
    ends,
    (domid) => {
      store.write(
        `${HOME}/${domid}/0/frontend`,
        random.below(8) > 0 ? frontend(domid) : random.pick([frontend(1), '']),
      );
      store.write(`${HOME}/${domid}/0/uuid`, random.below(8) > 0 ? 'a' : 'b');
      store.write(`${HOME}/${domid}/0/online`, random.below(8) > 0 ? '1' : '0');
      tell(`${HOME}/${domid}/0/frontend`, HOME);
    },
    (domid) => {
      store.remove(`${HOME}/${domid}`);
      tell(`${HOME}/${domid}`, HOME);
    },
    () => tell(random.pick([HOME, `${HOME}/x/y`, `${HOME}/1`, `${HOME}/99999999999/0`, '']), HOME),
    (domid) => {
      const name = random.pick([
        'ring-ref',
        'event-channel',
        'feature-protocol-v2',
        'state',
        'state/x',
      ]);
      store.write(`${frontend(domid)}/${name}`, anything());
      tell(`${frontend(domid)}/${name}`, `${domid}/0`);
    },
    offer,
    use,
    // A passage ends by itself.
    () => {
      const passage = random.pick([undefined, ...rings.passages]);
      if (passage !== undefined && rings.passages.delete(passage)) passage.events.ended('SIGSEGV');
    },
  ];
  for (let left = 100; left > 0; left--) {
    await random.pick(steps)(random.pick(DOMIDS));
    if (random.below(3) === 0) await setImmediate();
    assert.deepEqual(wrong, []);
  }
  for (const domid of DOMIDS) ends(domid);
  store.remove(HOME);
  tell(HOME, HOME);
  // As it does every second.
  backend.look();
  await setImmediate();
  assert.ok(
    tpms.every(({ stopped }) => stopped),
    'a TPM is left',
  );
  assert.deepEqual([...store.watches], [], 'a watch is left');
  assert.equal(rings.passages.size, 0, 'a passage is left');
}

/** A record with anything in it is refused as such, or leads nowhere but into the nodes of its domains. */
export function fuzzRecord(random: Random): void {
  const text = Buffer.from(JSON.stringify(aRecord({ vtpm: 'dom0', type: 'pvh' })));
  const changed = mutateJson(text, random).toString('latin1');
  let record: ReturnType<typeof parseBootRecord>;
  try {
    record = parseBootRecord(changed, 'record.json');
  } catch (error) {
    if (error instanceof RecordError) return;
    throw error;
  }
  for (const domain of record.domains) {
    const { domid, uuid } = domain;
    const places = [`/local/domain/${domid}`, `/vm/${uuid}`, `/libxl/${domid}`];
    const served = `/local/domain/${domain.vtpm?.domid}/backend`;
    for (const { path, value } of domainNodes(domain, 0)) {
      assert.match(path, /^(\/[A-Za-z0-9@_:-]+)+$/, path);
      assert.ok(
        [...places, served].some((place) => path === place || path.startsWith(`${place}/`)),
        path,
      );
      assert.ok(value.length < 4096);
    }
  }
}

const ODD = [
  'null',
  '{}',
  '[]',
  '-1',
  '1e400',
  '"../x"',
  '{"toString":1,"valueOf":1}',
  '[{"toString":1,"valueOf":1}]',
  '[[]]',
  'true',
  '9007199254740993',
];

/** Half of the time bytes change, else a value becomes one of another kind. */
function mutateJson(text: Buffer, random: Random): Buffer {
  if (random.below(2) === 0) return mutate(text, text, random);
  const values = [...text.toString().matchAll(/(?<=:|\[|,)("[^"]*"|\d+|\[[^[\]]*\]|\{[^{}]*\})/g)];
  const { index = 0, 0: value } = random.pick(values);
  const [head, tail] = [text.subarray(0, index), text.subarray(index + value.length)];
  return Buffer.concat([head, Buffer.from(random.pick(ODD)), tail]);
}
