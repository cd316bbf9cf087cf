import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import {
  approvalDigest,
  authorizePolicyDigest,
  authValuePolicyDigest,
  create,
  createPrimary,
  digest,
  evictControl,
  flushContext,
  type HashAlgorithm,
  hashAlgorithms,
  load,
  loadExternal,
  type NvComparison,
  nvDefine,
  nvIncrement,
  nvPolicyDigest,
  nvReadName,
  nvWrite,
  objectName,
  orPolicyDigest,
  type PcrValues,
  pcrExtend,
  pcrPolicyDigest,
  pcrRead,
  policyAuthorize,
  policyAuthValue,
  policyGetDigest,
  policyNv,
  policyOr,
  policyPcr,
  policySession,
  sealedTemplate,
  secretPolicyDigest,
  selectionOf,
  signatureTicket,
  srkTemplate,
  TPM_RH,
  TPMA_NV,
  TpmError,
  unsealObject,
  withPolicySession,
} from 'node-tpm2-pts';
import { SoftwareSigner } from '../../lib/software-signer.ts';
import { SharedTpm } from '../../lib/tpm2-tools.ts';

const SECRET = Buffer.from('opened');
const SRK = 0x81000001;
const INDEX = 0x01500030;
const COUNTER = 0x01500031;
const NAME = Buffer.from(`000b${'11'.repeat(32)}`, 'hex');

let shared: SharedTpm;
let values: PcrValues;

before(async () => {
  shared = await SharedTpm.start();
  values = await pcrRead(shared.tpm, [{ bank: 'sha256', pcrs: [13] }]);
  const { handle } = await createPrimary(shared.tpm, TPM_RH.OWNER, srkTemplate('ecc-p256'));
  await evictControl(shared.tpm, handle, SRK);
  await flushContext(shared.tpm, handle);
  const area = {
    index: INDEX,
    nameAlgorithm: 'sha256',
    attributes: TPMA_NV.AUTH_READ | TPMA_NV.AUTH_WRITE | TPMA_NV.NO_DA,
    authPolicy: Buffer.alloc(0),
    size: 8,
  } as const;
  await nvDefine(shared.tpm, area);
  await nvWrite(shared.tpm, INDEX, Buffer.from('0000000500000009', 'hex'));
  await nvDefine(shared.tpm, {
    ...area,
    index: COUNTER,
    attributes: area.attributes | TPMA_NV.COUNTER,
  });
  await nvIncrement(shared.tpm, COUNTER);
});

after(() => shared?.stop());

const refused = (promise: Promise<unknown>, name: string) =>
  assert.rejects(promise, (error) => error instanceof TpmError && error.response.name === name);

/** What a trial session of the TPM makes of these commands. */
function trial(commands: (session: number) => Promise<unknown>, hash: HashAlgorithm = 'sha256') {
  return withPolicySession(
    shared.tpm,
    async (session) => {
      await commands(session);
      return policyGetDigest(shared.tpm, session);
    },
    { type: 'trial', hash },
  );
}

/** What tpm2-tools' commands make in a trial session; `-S session -L policy` is added to each. */
async function byTools(...lines: string[]): Promise<Buffer> {
  await shared.tool('tpm2_startauthsession -S session');
  for (const line of lines) await shared.tool(`${line} -S session -L policy`);
  await shared.tool('tpm2_flushcontext session');
  return readFile(shared.file('policy'));
}

/** Seals to a policy, then opens after these commands in a policy session. */
async function opens(policy: Buffer, commands: (session: number) => Promise<unknown>) {
  const { tpm } = shared;
  const sealed = await create(tpm, SRK, sealedTemplate(policy), { data: SECRET });
  const { handle } = await load(tpm, SRK, sealed);
  try {
    return await withPolicySession(tpm, async (session) => {
      await commands(session);
      return unsealObject(tpm, handle, policySession(session, { keep: true }));
    });
  } finally {
    await flushContext(tpm, handle);
  }
}

/** A state of PCR 13 that is not the present one. */
const another: PcrValues = new Map([['sha256', new Map([[13, Buffer.alloc(32, 7)]])]]);

test('PolicyOR: the digest is the TPM’s and tpm2_policyor’s, in each hash', async () => {
  for (const hash of hashAlgorithms.filter((name) => /^sha(256|384|512)$/.test(name))) {
    const branches = [another, values].map((state) => pcrPolicyDigest(state, hash));
    const pcr = (session: number) => policyPcr(shared.tpm, session, selectionOf(values));
    const byTpm = await trial(async (session) => {
      await pcr(session);
      await policyOr(shared.tpm, session, branches);
    }, hash);
    assert.deepEqual(byTpm, orPolicyDigest(branches, hash), hash);
  }
  const branches = [another, values].map((state) => pcrPolicyDigest(state));
  await writeFile(shared.file('a'), branches[0] as Buffer);
  await writeFile(shared.file('b'), branches[1] as Buffer);
  assert.deepEqual(await byTools('tpm2_policyor -l sha256:a,b'), orPolicyDigest(branches));
});

test('PolicyOR: opens in each of its states, and in no other', async () => {
  const branches = [another, values].map((state) => pcrPolicyDigest(state));
  const policy = orPolicyDigest(branches);
  const both = async (session: number) => {
    await policyPcr(shared.tpm, session, selectionOf(values));
    await policyOr(shared.tpm, session, branches);
  };
  assert.deepEqual(await opens(policy, both), SECRET);
  await refused(
    opens(policy, (session) => policyOr(shared.tpm, session, branches)),
    'TPM_RC_VALUE',
  );
  await refused(
    opens(policy, (session) => policyPcr(shared.tpm, session, selectionOf(values))),
    'TPM_RC_POLICY_FAIL',
  );
});

test('PolicyAuthorize: the digest is the TPM’s and tpm2_policyauthorize’s', async () => {
  const reference = Buffer.from('for this machine');
  const approved = pcrPolicyDigest(values);
  const ticket = { tag: 0x8022, hierarchy: TPM_RH.NULL, digest: Buffer.alloc(0) };
  const pcr = (session: number) => policyPcr(shared.tpm, session, selectionOf(values));
  for (const policyRef of [reference, Buffer.alloc(0)]) {
    const byTpm = await trial(async (session) => {
      await pcr(session);
      const approval = { policy: approved, policyRef, keyName: NAME, ticket };
      await policyAuthorize(shared.tpm, session, approval);
    });
    assert.deepEqual(byTpm, authorizePolicyDigest(NAME, policyRef));
  }
  await writeFile(shared.file('approved'), Buffer.alloc(32));
  await writeFile(shared.file('key.name'), NAME);
  await writeFile(shared.file('ref'), reference);
  assert.deepEqual(
    await byTools('tpm2_policyauthorize -i approved -n key.name -q ref'),
    authorizePolicyDigest(NAME, reference),
  );
});

test('PolicyAuthorize: opens by a policy that its key approved later, and by no other', async () => {
  const { tpm } = shared;
  const signer = new SoftwareSigner();
  const keyName = objectName(signer.publicArea);
  const policyRef = Buffer.from('host 7');
  const policy = authorizePolicyDigest(keyName, policyRef);
  const approved = pcrPolicyDigest(values);
  const present = (session: number) => policyPcr(tpm, session, selectionOf(values));

  const approve = async (by: SoftwareSigner) => {
    const signature = by.sign(Buffer.concat([approved, policyRef]));
    const { handle } = await loadExternal(tpm, by.publicArea);
    try {
      return await signatureTicket(tpm, handle, approvalDigest(approved, policyRef), signature);
    } finally {
      await flushContext(tpm, handle);
    }
  };
  const ticket = await approve(signer);
  const authorize = (changes: object) => async (session: number) => {
    await present(session);
    const approval = { policy: approved, policyRef, keyName, ticket, ...changes };
    await policyAuthorize(tpm, session, approval);
  };
  assert.deepEqual(await opens(policy, authorize({})), SECRET);
  const stranger = await approve(new SoftwareSigner());
  await refused(opens(policy, authorize({ ticket: stranger })), 'TPM_RC_VALUE');
  await refused(opens(policy, authorize({ policyRef: Buffer.from('host 8') })), 'TPM_RC_VALUE');
  await refused(opens(policy, authorize({ policy: pcrPolicyDigest(another) })), 'TPM_RC_VALUE');
  await refused(opens(policy, present), 'TPM_RC_POLICY_FAIL');
});

test('PolicyNV: the digest is the TPM’s and tpm2_policynv’s, for every operation', async () => {
  const name = await nvReadName(shared.tpm, INDEX);
  const operand = Buffer.from('00000005', 'hex');
  await writeFile(shared.file('operand'), operand);
  const operations = [
    'eq',
    'neq',
    'sgt',
    'ugt',
    'slt',
    'ult',
    'sge',
    'uge',
    'sle',
    'ule',
    'bs',
    'bc',
  ];
  for (const operation of operations as NvComparison['operation'][]) {
    const comparison = { operation, operand, offset: 4 };
    const ours = nvPolicyDigest(name, comparison);
    const byTpm = await trial((session) => policyNv(shared.tpm, session, INDEX, comparison));
    assert.deepEqual(byTpm, ours, operation);
    const line = `tpm2_policynv -i operand --offset 4 0x${INDEX.toString(16)} ${operation}`;
    assert.deepEqual(await byTools(line), ours, operation);
  }
});

test('PolicyNV: sealed to a counter, opens until it counts on', async () => {
  const name = await nvReadName(shared.tpm, COUNTER);
  const operand = Buffer.alloc(8);
  operand.writeBigUInt64BE(1n);
  const comparison = { operation: 'ule', operand } as const;
  const policy = nvPolicyDigest(name, comparison);
  const counted = (session: number) => policyNv(shared.tpm, session, COUNTER, comparison);
  assert.deepEqual(await opens(policy, counted), SECRET);
  await nvIncrement(shared.tpm, COUNTER);
  await refused(opens(policy, counted), 'TPM_RC_POLICY');
});

test('PolicyAuthValue: the digest is the TPM’s and tpm2_policyauthvalue’s, also after others', async () => {
  const both = authValuePolicyDigest({ before: pcrPolicyDigest(values) });
  const byTpm = await trial(async (session) => {
    await policyPcr(shared.tpm, session, selectionOf(values));
    await policyAuthValue(shared.tpm, session);
  });
  assert.deepEqual(byTpm, both);
  assert.deepEqual(await byTools('tpm2_policyauthvalue'), authValuePolicyDigest());
  assert.deepEqual(await byTools('tpm2_policypcr -l sha256:13', 'tpm2_policyauthvalue'), both);
});

test('PolicySecret: the digest is tpm2_policysecret’s', async () => {
  const owner = Buffer.from('40000001', 'hex');
  assert.deepEqual(await byTools('tpm2_policysecret -c o'), secretPolicyDigest(owner));
});

test('a state that has passed: PolicyOR and PolicyAuthorize do not open', async () => {
  const branches = [another, values].map((state) => pcrPolicyDigest(state));
  const next = digest('sha256', Buffer.from('another event'));
  await pcrExtend(shared.tpm, 13, new Map([['sha256', next]]));
  await refused(
    opens(orPolicyDigest(branches), async (session) => {
      await policyPcr(shared.tpm, session, selectionOf(values));
      await policyOr(shared.tpm, session, branches);
    }),
    'TPM_RC_VALUE',
  );
});
