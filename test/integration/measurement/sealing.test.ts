import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import {
  createPrimary,
  digest,
  flushContext,
  handles,
  type PcrValues,
  type PublicArea,
  pcrExtend,
  pcrPolicyDigest,
  pcrRead,
  policyGetDigest,
  policyPcr,
  seal,
  selectionOf,
  srkTemplate,
  TPM_RH,
  Tpm,
  TpmError,
  unseal,
  withPolicySession,
} from 'node-tpm2-pts';
import { openSealed } from '../../../measurement/sealing/open-sealed.ts';
import { sealSecret } from '../../../measurement/sealing/seal-secret.ts';
import { SharedTpm } from '../../lib/tpm2-tools.ts';

const SECRET = Buffer.from('a key of thirty-two bytes, exact');
const NONE = Buffer.alloc(0);
const { key } = srkTemplate('ecc-p256');
/** The storage key that tpm2_createprimary makes with these attributes: it leaves the unique field empty. */
const SRK: PublicArea = {
  ...srkTemplate('ecc-p256'),
  key: { ...key, x: NONE, y: NONE } as PublicArea['key'],
};
const CREATE_SRK =
  'tpm2_createprimary -C o -G ecc -c srk.ctx -a fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|decrypt';

let shared: SharedTpm;
let values: PcrValues;

before(async () => {
  shared = await SharedTpm.start();
  values = await pcrRead(shared.tpm, [
    { bank: 'sha256', pcrs: [0, 13] },
    { bank: 'sha384', pcrs: [13] },
  ]);
  await shared.tool(CREATE_SRK);
});

after(() => shared?.stop());

async function withSrk<T>(use: (parent: number) => Promise<T>): Promise<T> {
  const { handle } = await createPrimary(shared.tpm, TPM_RH.OWNER, SRK);
  try {
    return await use(handle);
  } finally {
    await flushContext(shared.tpm, handle);
  }
}

const sized = (bytes: Buffer) => Buffer.concat([Buffer.of(bytes.length >> 8, bytes.length), bytes]);

test('the PCR policy: computed here, by the TPM and by tpm2_createpolicy, is one', async () => {
  const ours = pcrPolicyDigest(values);
  const byTpm = await withPolicySession(
    shared.tpm,
    async (session) => {
      await policyPcr(shared.tpm, session, selectionOf(values));
      return policyGetDigest(shared.tpm, session);
    },
    { type: 'trial' },
  );
  assert.deepEqual(byTpm, ours);
  await shared.tool('tpm2_createpolicy --policy-pcr -l sha256:0,13+sha384:13 -L policy');
  assert.deepEqual(await readFile(shared.file('policy')), ours);
});

test('what we seal, tpm2_unseal opens', async () => {
  const sealed = await withSrk((parent) => seal(shared.tpm, parent, SECRET, values));
  await writeFile(shared.file('our.pub'), sized(sealed.publicArea));
  await writeFile(shared.file('our.priv'), sized(sealed.privateArea));
  await shared.tool('tpm2_load -C srk.ctx -u our.pub -r our.priv -c our.ctx');
  const opened = await shared.tool('tpm2_unseal -c our.ctx -p pcr:sha256:0,13+sha384:13');
  assert.equal(opened, SECRET.toString());
});

test('what tpm2_create sealed, we open', async () => {
  await writeFile(shared.file('secret'), SECRET);
  await shared.tool('tpm2_createpolicy --policy-pcr -l sha256:0,13+sha384:13 -L policy');
  await shared.tool('tpm2_create -C srk.ctx -u their.pub -r their.priv -i secret -L policy');
  const sealed = {
    publicArea: (await readFile(shared.file('their.pub'))).subarray(2),
    privateArea: (await readFile(shared.file('their.priv'))).subarray(2),
  };
  const opened = await withSrk((parent) => unseal(shared.tpm, parent, sealed, selectionOf(values)));
  assert.deepEqual(opened, SECRET);
});

test('sealed to a state that is yet to come; any other state does not open it', async () => {
  const next = digest('sha256', Buffer.from('next event'));
  const before = values.get('sha256')?.get(13) ?? NONE;
  const future: PcrValues = new Map([['sha256', new Map([[13, digest('sha256', before, next)]])]]);
  const selections = selectionOf(future);
  const loaded = await loadedHandles();
  await withSrk(async (parent) => {
    const sealed = await seal(shared.tpm, parent, SECRET, future);
    const refused = (error: unknown) =>
      error instanceof TpmError && error.response.name === 'TPM_RC_POLICY_FAIL';
    await assert.rejects(unseal(shared.tpm, parent, sealed, selections), refused);
    await pcrExtend(shared.tpm, 13, new Map([['sha256', next]]));
    assert.deepEqual(await unseal(shared.tpm, parent, sealed, selections), SECRET);
    await pcrExtend(shared.tpm, 13, new Map([['sha256', next]]));
    await assert.rejects(unseal(shared.tpm, parent, sealed, selections), refused);

    const damaged = Buffer.from(sealed.privateArea);
    damaged.writeUInt8(damaged.readUInt8(40) ^ 1, 40);
    await assert.rejects(
      unseal(shared.tpm, parent, { ...sealed, privateArea: damaged }, selections),
      /TPM_RC_INTEGRITY \(0x1df, parameter 1\)/,
    );
  });
  assert.deepEqual(await loadedHandles(), loaded, 'nothing stays in the TPM, also after failures');
});

test('the secret does not cross the bus as it is, on its way in or out', async () => {
  // The tools leave sessions behind.
  await shared.tool('tpm2_flushcontext -l');
  const crossed: Buffer[] = [];
  const transmit = async (command: Buffer) => {
    const response = await shared.transmit(command);
    crossed.push(command, response);
    return response;
  };
  const tpm = new Tpm({ description: 'recorded', transmit, close: async () => {} });
  const now = await pcrRead(tpm, [{ bank: 'sha256', pcrs: [4, 13] }]);
  const sealed = await sealSecret(tpm, SECRET, [{ source: 'now', values: now }]);
  assert.deepEqual(await openSealed(tpm, sealed), { data: SECRET });
  assert.ok(crossed.length > 10);
  assert.ok(!crossed.some((bytes) => bytes.includes(SECRET)));

  // What is salted for another key than the one that was there, no TPM takes.
  const other = Buffer.from(sealed.parent);
  other.writeUInt8(other.readUInt8(other.length - 1) ^ 1, other.length - 1);
  await assert.rejects(
    openSealed(tpm, { ...sealed, parent: other }),
    /does not have the storage key/,
  );
});

/** Transient objects and sessions that are in the TPM; the tools leave sessions behind. */
async function loadedHandles(): Promise<number[]> {
  const kinds = [0x80000000, 0x02000000];
  return (await Promise.all(kinds.map((first) => handles(shared.tpm, first)))).flat();
}
