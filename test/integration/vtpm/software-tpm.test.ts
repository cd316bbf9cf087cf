/** What a guest finds in its TPM, asked of real swtpm. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  createPrimary,
  evictControl,
  getRandom,
  getTestResult,
  type HashAlgorithm,
  handles,
  type NvPublic,
  nvDefine,
  nvRead,
  nvUndefine,
  nvWrite,
  password,
  pcrAllocate,
  pcrBanks,
  pcrExtend,
  pcrRead,
  pcrReset,
  readClock,
  readPublic,
  shutdown,
  srkTemplate,
  startup,
  TPM_RH,
  TPMA_NV,
  Tpm,
  TpmError,
  Writer,
} from 'node-tpm2-pts';
import { parseEventLog } from '../../../measurement/event-log/parse.ts';
import type { MeasuredItem } from '../../../measurement/events.ts';
import { guestLaunch, type LaunchItems } from '../../../measurement/guest-launch.ts';
import { runProgram } from '../../../platform/lib/run.ts';
import { LOG_INDEX } from '../../../vtpm/backend/launch.ts';
import type { SoftwareTpm } from '../../../vtpm/backend/software-tpm.ts';
import type { KeptState } from '../../../vtpm/backend/state-file.ts';
import { imageItem } from '../../lib/items.ts';
import { startSoftwareTpm } from '../../lib/software-tpm.ts';
import { swtpmOf } from '../../lib/swtpm.ts';

let scratch: string;
const tpms: SoftwareTpm[] = [];
before(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'domb-guest-tpm-'));
});
after(async () => {
  await Promise.all(tpms.map((tpm) => tpm.stop()));
  await rm(scratch, { recursive: true });
});

const ONE_BANK: readonly HashAlgorithm[] = ['sha256'];

/** A TPM as the guest has it: what it may do goes through the same connection. */
async function started(launch?: LaunchItems, banks = ONE_BANK, kept?: KeptState) {
  const directory = join(scratch, String(tpms.length));
  const died = (how: string) => assert.fail(how);
  const guest = await startSoftwareTpm({ directory, died, banks, launch, kept });
  tpms.push(guest);
  const transmit = (command: Buffer) => guest.transmit(command);
  const tpm = new Tpm({ description: 'guest', transmit, close: async () => {} }, { retryFor: 0 });
  return { tpm, directory, guest };
}

const ledger: LaunchItems = {
  predictable: [
    { event: 'configuration', configuration: { name: 'ledger', text: 'x'.repeat(2500) } },
    imageItem('ledger', 'kernel', Buffer.from('a kernel')),
  ],
  identity: {
    ...{ event: 'identity', domain: 'ledger', domid: 1 },
    uuid: '5d2b1f1e-8f0e-4c9e-9d0a-1c7a5f3e2b07',
  },
};

const LAUNCH_PCRS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

/** The log as the guest puts it together. */
async function logOf(tpm: Tpm): Promise<Buffer> {
  const indexes = (await handles(tpm, LOG_INDEX)).filter((index) => index >>> 8 === 0x01400d);
  const parts: Buffer[] = [];
  for (const index of indexes) parts.push(await nvRead(tpm, index));
  return Buffer.concat(parts);
}

test('it begins with what the guest was started from, and has the log of that, which replays', async () => {
  const { tpm } = await started(ledger);
  const log = await logOf(tpm);
  assert.ok(log.length > 2048, 'longer than one index');
  const { events, pcrs } = guestLaunch(ledger, ONE_BANK);
  assert.deepEqual(parseEventLog(log).events, events);
  assert.deepEqual(await pcrRead(tpm, [{ bank: 'sha256', pcrs: LAUNCH_PCRS }]), pcrs);
});

test('stock tpm2_eventlog reads the log, and comes to the values that the registers have', async () => {
  const { tpm } = await started(ledger);
  const file = join(scratch, 'launch.log');
  await writeFile(file, await logOf(tpm));
  const told = await runProgram('tpm2_eventlog', [file]);
  const values = (await pcrRead(tpm, [{ bank: 'sha256', pcrs: LAUNCH_PCRS }])).get('sha256');
  const replayed = [...told.matchAll(/^ {4}(\d+) *: 0x([0-9a-f]{64})$/gm)].map(
    ([, pcr, value]) => [Number(pcr), value] as const,
  );
  assert.deepEqual(
    replayed,
    LAUNCH_PCRS.map((pcr) => [pcr, values?.get(pcr)?.toString('hex')]),
  );
});

test('each item, its order and the UUID count', () => {
  const value = (items: LaunchItems | undefined, pcr: number) =>
    guestLaunch(items, ONE_BANK).pcrs.get('sha256')?.get(pcr)?.toString('hex');
  const { predictable, identity } = ledger;
  const others: MeasuredItem[][] = [predictable.slice(1), predictable.toReversed(), []];
  const registers = [ledger, ...others.map((each) => ({ predictable: each, identity }))];
  const all = registers.map((items) => value(items, 8));
  assert.equal(new Set(all).size, registers.length);
  const another = identity && { ...identity, uuid: identity.uuid.replace('5d', '5e') };
  assert.notEqual(value(ledger, 9), value({ predictable, identity: another }, 9));
  assert.equal(value({ predictable, identity: undefined }, 9), undefined);
});

test('a guest that domB did not make cannot extend its registers to those of one that it made', async () => {
  const { tpm } = await started();
  const { events, pcrs } = guestLaunch(ledger, ONE_BANK);
  for (const { pcr, digests } of events.filter((event) => event.pcr === 8)) {
    await pcrExtend(tpm, pcr, new Map([['sha256', digests.get(0x0b) as Buffer]]));
  }
  const [own, its] = [await pcrRead(tpm, [{ bank: 'sha256', pcrs: [8] }]), pcrs];
  assert.notDeepEqual(own.get('sha256')?.get(8), its.get('sha256')?.get(8));
});

const refused = (code?: number) => (error: unknown) =>
  error instanceof TpmError && (code === undefined || error.code === code);

test('its guest cannot change the log, nor take it away', async () => {
  const { tpm } = await started(ledger);
  const before = await logOf(tpm);
  await assert.rejects(nvWrite(tpm, LOG_INDEX, Buffer.alloc(8)), refused());
  await assert.rejects(
    nvWrite(tpm, LOG_INDEX, Buffer.alloc(8), 0, { by: TPM_RH.OWNER }),
    refused(),
  );
  await assert.rejects(nvUndefine(tpm, LOG_INDEX), refused());
  // TPM2_Clear (Part 3, 24.6), which a guest's owner may: it makes other keys, and leaves this.
  await tpm.execute({
    ...{ command: 0x126, handles: [TPM_RH.LOCKOUT], authorizations: [password()] },
  });
  assert.deepEqual(await logOf(tpm), before);
});

/** TPM_RC_HIERARCHY for the first handle: the hierarchy is disabled. Part 2, 6.6.3. */
const HIERARCHY = 0x185;

test('the platform hierarchy is closed: nobody clears the TPM, or takes banks away, by an empty authorization', async () => {
  const { tpm } = await started();
  const platform = { handles: [TPM_RH.PLATFORM], authorizations: [password()] };
  const attempts: Record<string, () => Promise<unknown>> = {
    ClearControl: () =>
      tpm.execute({ command: 0x127, ...platform, parameters: new Writer().u8(1) }),
    Clear: () => tpm.execute({ command: 0x126, ...platform }),
    PCR_Allocate: () => pcrAllocate(tpm, [{ bank: 'sha256', pcrs: [] }]),
    HierarchyChangeAuth: () =>
      tpm.execute({
        command: 0x129,
        ...platform,
        parameters: new Writer().sized(Buffer.from('x')),
      }),
    // To enable it again takes itself.
    HierarchyControl: () =>
      tpm.execute({
        command: 'HierarchyControl',
        ...platform,
        parameters: new Writer().u32(TPM_RH.PLATFORM).u8(1),
      }),
  };
  for (const [name, attempt] of Object.entries(attempts)) {
    await assert.rejects(attempt(), refused(HIERARCHY), name);
  }
});

test('it has the banks that were asked for, and no others', async () => {
  const all = Array.from({ length: 24 }, (_, pcr) => pcr);
  for (const banks of [ONE_BANK, ['sha1', 'sha256', 'sha384', 'sha512'], ['sha384']] as const) {
    const { tpm } = await started(ledger, banks);
    assert.deepEqual(
      await pcrBanks(tpm),
      banks.map((bank) => ({ bank, pcrs: all })),
    );
    const selections = banks.map((bank) => ({ bank, pcrs: LAUNCH_PCRS }));
    assert.deepEqual(await pcrRead(tpm, selections), guestLaunch(ledger, banks).pcrs);
  }
});

test('its clock goes on, and no guest resets it', async () => {
  const { tpm } = await started();
  const other = await started();
  const before = await readClock(tpm);
  // Each is made by as many resets, so that the number says nothing of who came before.
  assert.equal((await readClock(other.tpm)).clock.resetCount, before.clock.resetCount);
  assert.equal(before.clock.restartCount, 0);
  assert.equal(before.clock.safe, true);
  await pcrExtend(tpm, 15, new Map([['sha256', Buffer.alloc(32, 1)]]));
  const extended = await pcrRead(tpm, [{ bank: 'sha256', pcrs: [15] }]);
  for (const type of ['state', 'clear'] as const) {
    await shutdown(tpm, type);
    // TPM_RC_INITIALIZE
    assert.equal(await startup(tpm, type), false);
  }
  await new Promise((resolve) => setTimeout(resolve, 20));
  const now = await readClock(tpm);
  assert.deepEqual(
    { ...now.clock, clock: before.clock.clock },
    { ...before.clock, clock: before.clock.clock },
  );
  assert.ok(now.clock.clock > before.clock.clock && now.time > before.time);
  assert.deepEqual(await pcrRead(tpm, [{ bank: 'sha256', pcrs: [15] }]), extended);
});

test('its guest has locality 0: registers of a dynamic launch are closed to it', async () => {
  const { tpm } = await started();
  const LOCALITY = 0x907;
  const one = new Map([['sha256', Buffer.alloc(32, 1)]] as const);
  for (const pcr of [17, 18, 19, 20, 21, 22]) {
    await assert.rejects(pcrExtend(tpm, pcr, one), refused(LOCALITY), `PCR ${pcr}`);
  }
  for (const pcr of LAUNCH_PCRS) await assert.rejects(pcrReset(tpm, pcr), refused(LOCALITY));
  for (const pcr of [16, 23]) await pcrReset(tpm, pcr);
});

test('a response that takes ten minutes is waited for, and loses nothing', async (t) => {
  const { tpm, directory } = await started();
  const pid = await swtpmOf(directory);
  process.kill(pid, 'SIGSTOP');
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const answer = getRandom(tpm, 8);
  // What is written goes out first.
  await new Promise((resolve) => setImmediate(resolve));
  t.mock.timers.tick(600_000);
  t.mock.timers.reset();
  process.kill(pid, 'SIGCONT');
  assert.equal((await answer).length, 8);
  assert.equal((await getRandom(tpm, 8)).length, 8);
});

/** Keeps a state in memory, as dom0 does on its disk. */
class Kept implements KeptState {
  newest: Buffer | undefined;
  stored = 0;
  closed = 0;
  /** Settles when what is stored is there for good. */
  gate: Promise<unknown> = Promise.resolve();

  async store(state: Buffer): Promise<void> {
    await this.gate;
    this.newest = state;
    this.stored++;
  }

  close(): void {
    this.closed++;
  }
}

/** TPM_RC_FAILURE. */
const FAILURE = 0x101;
const OWN_INDEX = 0x01500000;
const ownArea: NvPublic = {
  ...({ index: OWN_INDEX, nameAlgorithm: 'sha256', size: 4 } as const),
  authPolicy: Buffer.alloc(0),
  attributes: TPMA_NV.AUTH_READ | TPMA_NV.AUTH_WRITE | TPMA_NV.NO_DA,
};

test('a TPM that lasts has keys and indexes of before, and the launch of now', async () => {
  const kept = new Kept();
  const first = await started(ledger, ONE_BANK, kept);
  const key = await createPrimary(first.tpm, TPM_RH.OWNER, srkTemplate('ecc-p256'));
  await evictControl(first.tpm, key.handle, 0x81000001);
  await nvDefine(first.tpm, ownArea);
  await nvWrite(first.tpm, OWN_INDEX, Buffer.from('kept'));
  await pcrExtend(first.tpm, 15, new Map([['sha256', Buffer.alloc(32, 1)]]));
  await first.guest.stop();
  assert.equal(kept.closed, 1);

  const launch: LaunchItems = { ...ledger, predictable: ledger.predictable.slice(1) };
  const { tpm } = await started(launch, ONE_BANK, kept);
  assert.equal((await nvRead(tpm, OWN_INDEX)).toString(), 'kept');
  assert.deepEqual((await readPublic(tpm, 0x81000001)).name, key.name);
  const { events, pcrs } = guestLaunch(launch, ONE_BANK);
  assert.deepEqual(parseEventLog(await logOf(tpm)).events, events);
  assert.deepEqual(await pcrRead(tpm, [{ bank: 'sha256', pcrs: LAUNCH_PCRS }]), pcrs);
  const [last] = [await pcrRead(tpm, [{ bank: 'sha256', pcrs: [15] }])];
  assert.deepEqual(last.get('sha256')?.get(15), Buffer.alloc(32));
  await assert.rejects(nvUndefine(tpm, LOG_INDEX), refused());
});

test('what changes it is answered when that is stored, and nothing else is stored', async () => {
  const kept = new Kept();
  const { tpm } = await started(ledger, ONE_BANK, kept);
  await getRandom(tpm, 8);
  const before = kept.stored;
  assert.ok(before > 0, 'the new TPM itself');
  await pcrExtend(tpm, 15, new Map([['sha256', Buffer.alloc(32, 1)]]));
  await createPrimary(tpm, TPM_RH.OWNER, srkTemplate('ecc-p256'));
  await readClock(tpm);
  assert.equal(kept.stored, before);
  const gate = Promise.withResolvers<void>();
  kept.gate = gate.promise;
  let answered = false;
  const defined = nvDefine(tpm, ownArea).then(() => {
    answered = true;
  });
  await sleep(100);
  assert.ok(!answered);
  gate.resolve();
  await defined;
  assert.equal(kept.stored, before + 1);
});

test('the guest has it before it is stored, and its first response afterwards', async () => {
  const kept = new Kept();
  const gate = Promise.withResolvers<void>();
  kept.gate = gate.promise;
  const { tpm } = await started(ledger, ONE_BANK, kept);
  let answered = false;
  const random = getRandom(tpm, 8).then(() => {
    answered = true;
  });
  await sleep(100);
  assert.ok(!answered);
  gate.resolve();
  await random;
  assert.equal(kept.stored, 1, 'once, for the TPM and for its first command');
  const { result } = await getTestResult(tpm);
  assert.equal(result, 0, 'it has passed its self-test');
});

test('a state that cannot be stored any more ends the TPM: its guest learns nothing that could be undone', async () => {
  const kept = new Kept();
  const directory = join(scratch, String(tpms.length));
  const deaths: string[] = [];
  const died = (how: string) => deaths.push(how);
  const guest = await startSoftwareTpm({
    directory,
    died,
    banks: ONE_BANK,
    launch: undefined,
    kept,
  });
  tpms.push(guest);
  const transmit = (command: Buffer) => guest.transmit(command);
  const tpm = new Tpm({ description: 'guest', transmit, close: async () => {} }, { retryFor: 0 });
  kept.gate = Promise.reject(new Error('all states are lost'));
  kept.gate.catch(() => {});
  for (let times = 0; times < 2; times++) {
    const asked = times === 0 ? nvDefine(tpm, ownArea) : getRandom(tpm, 8);
    await assert.rejects(asked, refused(FAILURE));
  }
  await sleep(1100);
  assert.deepEqual(deaths, ['all states are lost']);
});
