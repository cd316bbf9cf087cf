import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import {
  akTemplate,
  createAk,
  createPrimary,
  evictControl,
  flushContext,
  handles,
  password,
  quote,
  TPM_PT,
  TPM_RH,
  Tpm,
  TpmError,
  tpmProperties,
} from 'node-tpm2-pts';
import {
  AK_HANDLE,
  closeAttestationKey,
  openAttestationKey,
  withAttestationKey,
} from '../../../measurement/keys/attestation-key.ts';
import { withHierarchies } from '../../../measurement/keys/hierarchies.ts';
import { SharedTpm } from '../../lib/tpm2-tools.ts';

const ENDORSEMENT = Buffer.from('of the endorsement hierarchy\n');
const OWNER = Buffer.from('of the owner');
/** TPM_PT_LOCKOUT_COUNTER. TPM 2.0 Library, Part 2, 6.13. */
const LOCKOUT_COUNTER = 0x20e;

let shared: SharedTpm;
let name: Buffer;

before(async () => {
  shared = await SharedTpm.start();
  name = await withAttestationKey(shared.tpm, {}, async (key) => key.name);
});
after(() => shared?.stop());

const counter = async () =>
  (await tpmProperties(shared.tpm, TPM_PT.PERMANENT)).get(LOCKOUT_COUNTER);
const transient = () => handles(shared.tpm, 0x80000000);
const sessions = () => handles(shared.tpm, 0x02000000);

/** Puts a key to where the AK is looked for, until `look` is done. */
async function kept(hierarchy: number, template = akTemplate('ecc-p256'), look = async () => {}) {
  const { tpm } = shared;
  const values = { endorsement: ENDORSEMENT, owner: OWNER };
  const by = { [TPM_RH.ENDORSEMENT]: 'endorsement', [TPM_RH.OWNER]: 'owner' } as const;
  await withHierarchies(tpm, values, async (authorize) => {
    const which = by[hierarchy as keyof typeof by];
    const key = await createPrimary(tpm, hierarchy, template, { authorization: authorize(which) });
    await evictControl(tpm, key.handle, AK_HANDLE, { authorization: authorize('owner') });
    await flushContext(tpm, key.handle);
  });
  await look();
  await withHierarchies(tpm, values, (authorize) =>
    evictControl(tpm, AK_HANDLE, AK_HANDLE, { authorization: authorize('owner') }),
  );
}

test('without an authorization value the key is made, and flushed', async () => {
  const key = await openAttestationKey(shared.tpm);
  assert.ok(typeof key !== 'string' && !key.persistent);
  assert.deepEqual(key.name, name);
  await closeAttestationKey(shared.tpm, key);
  assert.deepEqual(await transient(), []);
  // A value that nobody asks for does no harm.
  const named = await withAttestationKey(
    shared.tpm,
    { endorsement: ENDORSEMENT },
    async (one) => one.name,
  );
  assert.deepEqual(named, name);
});

test('where the hierarchy has a value, nothing is tried without it, and nothing counts towards the lockout', async () => {
  await writeFile(shared.file('e'), ENDORSEMENT);
  await writeFile(shared.file('o'), OWNER);
  await shared.tool('tpm2_changeauth -c e file:e');
  await shared.tool('tpm2_changeauth -c o file:o');
  const before = await counter();
  assert.equal(await openAttestationKey(shared.tpm), 'authorization');
  await assert.rejects(
    withAttestationKey(shared.tpm, {}, async () => {}),
    /there is no attestation key: the endorsement hierarchy has an authorization value/,
  );
  await assert.rejects(
    withAttestationKey(shared.tpm, { endorsement: Buffer.from('wrong') }, async () => {}),
    (error) => error instanceof TpmError && error.response.name === 'TPM_RC_BAD_AUTH',
  );
  assert.equal(await counter(), before);
  assert.deepEqual([await transient(), await sessions()], [[], []]);
});

test('with the value it is the same key, and the value does not cross the bus', async () => {
  const sent: Buffer[] = [];
  const transmit = (command: Buffer) => {
    sent.push(Buffer.from(command));
    return shared.transmit(command);
  };
  const watched = new Tpm({ description: 'watched', transmit, close: async () => {} });
  const values = { endorsement: ENDORSEMENT };
  const named = await withAttestationKey(watched, values, async (key) => key.name);
  assert.deepEqual(named, name);
  assert.ok(sent.length > 3);
  assert.ok(!sent.some((command) => command.includes(ENDORSEMENT.subarray(0, -1))));
  assert.deepEqual([await transient(), await sessions()], [[], []]);
});

test('errors flush everything, too', async () => {
  const values = { endorsement: ENDORSEMENT };
  await assert.rejects(
    withAttestationKey(shared.tpm, values, async () => {
      throw new Error('of the user');
    }),
    /of the user/,
  );
  assert.deepEqual([await transient(), await sessions()], [[], []]);
});

test('the kept key is used without a value, and only the same key', async () => {
  await kept(TPM_RH.ENDORSEMENT, akTemplate('ecc-p256'), async () => {
    const key = await openAttestationKey(shared.tpm);
    assert.ok(typeof key !== 'string' && key.persistent);
    assert.deepEqual([key.handle, key.name], [AK_HANDLE, name]);
    await quote(shared.tpm, key.handle, Buffer.from('nonce'), [{ bank: 'sha256', pcrs: [13] }]);
    await closeAttestationKey(shared.tpm, key);
    assert.deepEqual(await handles(shared.tpm, AK_HANDLE), [AK_HANDLE], 'it is kept');
  });
  const expectNone = async () => {
    assert.equal(await openAttestationKey(shared.tpm), 'authorization');
  };
  // Its template in another hierarchy, where others may make it; another scheme; another kind of key.
  await kept(TPM_RH.OWNER, akTemplate('ecc-p256'), expectNone);
  const template = akTemplate('ecc-p256');
  const { key } = template;
  assert.ok(key.type === 'ecc');
  const other = {
    ...template,
    key: { ...key, signing: { scheme: 'ecdsa', hash: 'sha1' } as const },
  };
  await kept(TPM_RH.ENDORSEMENT, other, expectNone);
  await kept(TPM_RH.ENDORSEMENT, akTemplate('rsa-2048'), expectNone);
  await expectNone();
});

test('a TPM that is locked, and a hierarchy that is disabled', async () => {
  const values = { endorsement: ENDORSEMENT };
  await shared.tool('tpm2_dictionarylockout -s -n 1 -t 1000 -l 1000');
  const { tpm } = shared;
  // Only the lockout's own rules count: the key's password is wrong once.
  await withAttestationKey(tpm, values, async ({ handle }) => {
    await assert.rejects(
      quote(tpm, handle, Buffer.alloc(1), [{ bank: 'sha256', pcrs: [0] }], password('wrong')),
      (error) => error instanceof TpmError && error.response.name === 'TPM_RC_AUTH_FAIL',
    );
  });
  assert.equal(await openAttestationKey(tpm, values), 'lockout');
  await shared.tool('tpm2_dictionarylockout -c');
  assert.notEqual(await openAttestationKey(shared.tpm), 'lockout');
  await shared.tool('tpm2_hierarchycontrol -C p ehEnable clear');
  assert.equal(await openAttestationKey(shared.tpm, values), 'disabled');
  await assert.rejects(createAk(shared.tpm), TpmError);
});
