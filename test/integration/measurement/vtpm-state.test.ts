/** The key that states of guests' TPMs are encrypted under, in real swtpm: who gets it, when, and who does not. */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { afterEach, beforeEach, test } from 'node:test';
import {
  nvDefine,
  nvRead,
  nvUndefine,
  nvWrite,
  pcrPolicyDigest,
  pcrRead,
  policyPcr,
  policySession,
  selectionOf,
  TPM_RH,
  TPMA_NV,
  Tpm,
  TpmError,
  type Transport,
  withPolicySession,
} from 'node-tpm2-pts';
import { authorizePolicy } from '../../../measurement/sealing/approval.ts';
import {
  APPROVALS_SIZE,
  approvalReference,
  INDEXES,
  KEY_SIZE,
  keyArea,
  rootArea,
} from '../../../measurement/vtpm-state/indexes.ts';
import { openPlatformKey } from '../../../measurement/vtpm-state/platform-key.ts';
import { FIRST_ROOT } from '../../../measurement/vtpm-state/root.ts';
import { LastingMachine } from '../../lib/lasting-machine.ts';

let machine: LastingMachine;
beforeEach(async () => {
  machine = await LastingMachine.start();
  await machine.reboot();
});
afterEach(() => machine.stop());

const missing = async (label?: string): Promise<string> => {
  const opened = await machine.openKey(label);
  assert.ok('missing' in opened, 'there is a key');
  return opened.missing;
};

test('it is made in the first approved boot, and the same in each later one, also after a power cut', async () => {
  const { approvals } = await machine.setUp();
  assert.equal(approvals, 1);
  const made = await machine.openKey();
  assert.ok('key' in made && made.made);
  assert.equal(made.key.length, KEY_SIZE);
  assert.deepEqual(await (await machine.root(made.key)).read(), FIRST_ROOT);
  await machine.reboot('good', false);
  assert.deepEqual(await machine.openKey(), { key: made.key, made: false });
});

test('a TPM that was not set up, and a boot that nobody approved, have none, in words', async () => {
  assert.match(await missing(), /^the TPM has no NV index 0x18d0b00$/);
  await machine.setUp();
  await machine.key();
  await machine.reboot('another manifest');
  assert.match(await missing(), /^none of 1 approvals in the TPM is for this boot$/);
});

test('an update that is approved keeps the key, and the way back stays open', async () => {
  await machine.setUp();
  const key = await machine.key();
  await machine.reboot('next');
  const { defined, approvals } = await machine.setUp([await machine.approval()]);
  assert.deepEqual({ defined, approvals }, { defined: false, approvals: 2 });
  assert.deepEqual(await machine.key(), key);
  await machine.reboot();
  assert.deepEqual(await machine.key(), key);
});

/** What dom0 can try, who has the TPM, the approval and the state after the cap. */
async function read(): Promise<Buffer> {
  const approval = await machine.approval();
  const values = await pcrRead(machine.tpm, [{ bank: 'sha256', pcrs: [4, 7, 13] }]);
  return withPolicySession(machine.tpm, async (session) => {
    await policyPcr(machine.tpm, session, selectionOf(values));
    await authorizePolicy(machine.tpm, session, {
      ...{ policy: pcrPolicyDigest(values), policyRef: approvalReference('') },
      ...{ approver: approval.approver, signature: approval.signature },
    });
    const authorization = policySession(session, { keep: true });
    return nvRead(machine.tpm, INDEXES.key, { size: KEY_SIZE }, { authorization });
  });
}

test('dom0 reads and writes it in no way: the cap is in the register', async () => {
  await machine.setUp();
  const good = await machine.approval();
  const key = await machine.key();
  // The same way, as long as it is open.
  assert.deepEqual(await read(), key);
  await machine.cap();
  const values = good.values;
  const satisfied = withPolicySession(machine.tpm, async (session) => {
    await policyPcr(machine.tpm, session, selectionOf(values));
    await authorizePolicy(machine.tpm, session, {
      ...{ policy: pcrPolicyDigest(values), policyRef: approvalReference('') },
      ...{ approver: good.approver, signature: good.signature },
    });
  });
  await assert.rejects(satisfied, (e) => e instanceof TpmError && /RC_VALUE/.test(e.message));
  for (const access of [{}, { by: TPM_RH.OWNER }]) {
    await assert.rejects(nvRead(machine.tpm, INDEXES.key, { size: KEY_SIZE }, access), TpmError);
    const write = nvWrite(machine.tpm, INDEXES.key, Buffer.alloc(KEY_SIZE), 0, access);
    await assert.rejects(write, TpmError);
  }
});

test('an approval of a secret for dom0 with the same key does not open it', async () => {
  // Its policyRef is the label, whatever that is.
  await machine.setUp();
  const { approver, values } = await machine.approval();
  assert.notDeepEqual(approvalReference(''), Buffer.alloc(0));
  await machine.key();
  const other = await machine.approval(undefined, 'another platform');
  const wrong = withPolicySession(machine.tpm, async (session) => {
    await policyPcr(machine.tpm, session, selectionOf(values));
    await authorizePolicy(machine.tpm, session, {
      ...{ policy: pcrPolicyDigest(values), policyRef: approvalReference('another platform') },
      ...{ approver, signature: other.signature },
    });
    const authorization = policySession(session, { keep: true });
    return nvRead(machine.tpm, INDEXES.key, { size: KEY_SIZE }, { authorization });
  });
  await assert.rejects(wrong, (e) => e instanceof TpmError && /POLICY_FAIL/.test(e.message));
});

test('an index that dom0 made to put a key of its own into it is refused', async () => {
  const approval = await machine.approval();
  await machine.setUp();
  await machine.key();
  const attempts = [
    { attributes: keyArea(approval).attributes | TPMA_NV.OWNER_WRITE },
    { attributes: keyArea(approval).attributes | TPMA_NV.AUTH_WRITE | TPMA_NV.AUTH_READ },
    { authPolicy: Buffer.alloc(32, 7) },
    { authPolicy: Buffer.alloc(0) },
  ];
  for (const attempt of attempts) {
    await nvUndefine(machine.tpm, INDEXES.key);
    await nvDefine(machine.tpm, { ...keyArea(approval), ...attempt });
    const access = { by: TPM_RH.OWNER };
    await nvWrite(machine.tpm, INDEXES.key, Buffer.alloc(32, 1), 0, access).catch(() => {});
    assert.match(await missing(), /^NV index 0x18d0b00 is not of the form/);
  }
});

test('a root index that dom0 made anew is not the one that the key belongs to', async () => {
  const approval = await machine.approval();
  await machine.setUp();
  const key = await machine.key();
  await nvUndefine(machine.tpm, INDEXES.root);
  await nvDefine(machine.tpm, rootArea(approval));
  assert.deepEqual(await machine.key(), key);
  await assert.rejects((await machine.root(key)).read(), TpmError);
  await assert.rejects((await machine.root(key)).extend(Buffer.alloc(32)), TpmError);
});

test('a root that was used before there was a key is refused; one of a boot that was cut off is not', async () => {
  const approval = await machine.approval();
  await machine.setUp();
  await machine.key();
  // As if the key had not been written: the root index has a value of a key that is forgotten.
  await nvUndefine(machine.tpm, INDEXES.key);
  await machine.setUp();
  const again = await machine.openKey();
  assert.ok('key' in again && again.made);
  await (await machine.root(again.key)).extend(Buffer.alloc(32));
  await nvUndefine(machine.tpm, INDEXES.key);
  await nvDefine(machine.tpm, keyArea(approval));
  assert.match(await missing(), /^NV index 0x18d0b02 was used before there was a key$/);
  await machine.setUp(undefined, true);
  await machine.key();
});

test('approvals of other keys and for other labels open nothing; any bytes in their index do no harm', async () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  await assert.rejects(
    machine.setUp([await machine.approval(), await machine.approval(privateKey)]),
    /are of two keys/,
  );
  await machine.setUp();
  await assert.rejects(
    machine.setUp([await machine.approval(privateKey)]),
    /NV index 0x18d0b00 is there for another key or label/,
  );
  assert.match(await missing('another'), /is not of the form/);
  for (const byte of [0, 1, 0xff]) {
    const access = { by: TPM_RH.OWNER };
    await nvWrite(machine.tpm, INDEXES.approvals, Buffer.alloc(APPROVALS_SIZE, byte), 0, access);
    assert.match(await missing(), /^none of 0 approvals/);
  }
});

test('a power cut before any command with which it is made, or after, leaves nothing that another boot cannot go on from', async () => {
  const approval = await machine.approval();
  /** Sends so many commands; with the next one, which may still be done, the power is gone. */
  const cutOff = (left: number, done: boolean): Transport => ({
    description: 'cut off',
    async transmit(command) {
      if (left-- > 0) return machine.transport.transmit(command);
      if (done) await machine.transport.transmit(command);
      throw new Error('no power');
    },
    close: async () => {},
  });
  let [cuts, whole] = [0, false];
  for (let commands = 0; !whole; commands++) {
    for (const done of [false, true]) {
      await machine.setUp([approval], true);
      const tpm = new Tpm(cutOff(commands, done), { retryFor: 0 });
      const made = await openPlatformKey(tpm, approval).catch((error: Error) => error.message);
      whole ||= typeof made !== 'string';
      if (!whole) assert.equal(made, 'no power');
      cuts++;
      await machine.reboot('good', false);
      const key = await machine.key();
      assert.deepEqual(await (await machine.root(key)).read(), FIRST_ROOT);
      await machine.reboot('good', false);
      assert.deepEqual(await machine.openKey(), { key, made: false });
    }
  }
  assert.ok(cuts > 60, String(cuts));
});
