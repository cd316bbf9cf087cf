import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import {
  activateCredential,
  authValuePolicyDigest,
  COMMAND_CODES,
  createAk,
  createPrimary,
  ekTemplate,
  evictControl,
  flushContext,
  handles,
  type LoadedObject,
  load,
  makeCredential,
  nvDefine,
  nvRead,
  nvWrite,
  objectName,
  type PcrValues,
  pcrPolicyDigest,
  pcrRead,
  policyAuthValue,
  policyPcr,
  policySession,
  type SaltKey,
  seal,
  selectionOf,
  srkTemplate,
  startHmacSession,
  TPM_RH,
  TPMA_NV,
  Tpm,
  TpmError,
  TpmSessionError,
  type Transport,
  unseal,
  unsealObject,
  withHmacSession,
  withPolicySession,
} from 'node-tpm2-pts';
import { SharedTpm } from '../../lib/tpm2-tools.ts';

const SECRET = Buffer.from('a key of thirty-two bytes, exact');
const PASSWORD = 'correct-horse-battery';
const [RSA, ECC] = [0x81000001, 0x81000002];
const INDEX = 0x01500040;

let shared: SharedTpm;
let values: PcrValues;
const keys = new Map<'rsa-2048' | 'ecc-p256', SaltKey>();

before(async () => {
  shared = await SharedTpm.start();
  values = await pcrRead(shared.tpm, [{ bank: 'sha256', pcrs: [13] }]);
  for (const [type, handle] of [
    ['rsa-2048', RSA],
    ['ecc-p256', ECC],
  ] as const) {
    const made = await createPrimary(shared.tpm, TPM_RH.OWNER, srkTemplate(type));
    await evictControl(shared.tpm, made.handle, handle);
    await flushContext(shared.tpm, made.handle);
    keys.set(type, { handle, publicArea: made.publicArea });
  }
});

after(() => shared?.stop());

const key = (type: 'rsa-2048' | 'ecc-p256' = 'ecc-p256') => keys.get(type) as SaltKey;

/** The TPM as somebody on the bus sees it: all bytes, and what `change` makes of a response. */
function onTheBus(change: (response: Buffer, code: number) => Buffer = (response) => response) {
  const seen: Buffer[] = [];
  const transport: Transport = {
    description: 'watched bus',
    transmit: async (command) => {
      const response = await shared.transmit(command);
      seen.push(command, response);
      return change(Buffer.from(response), command.readUInt32BE(6));
    },
    close: async () => {},
  };
  return {
    tpm: new Tpm(transport),
    saw: (bytes: Buffer) => seen.some((one) => one.includes(bytes)),
  };
}

const refused = (promise: Promise<unknown>, name: string) =>
  assert.rejects(promise, (error) => error instanceof TpmError && error.response.name === name);

const sized = (bytes: Buffer) => Buffer.concat([Buffer.of(bytes.length >> 8, bytes.length), bytes]);

for (const type of ['rsa-2048', 'ecc-p256'] as const) {
  for (const hash of ['sha256', 'sha384'] as const) {
    test(`salted by ${type}, ${hash}: sealed and unsealed, and the bus never has the secret`, async () => {
      const { tpm, saw } = onTheBus();
      const { handle: parent } = key(type);
      const selections = selectionOf(values);
      const plain = await seal(tpm, parent, SECRET, values);
      assert.ok(saw(SECRET), 'without a session it is there to be read');
      assert.deepEqual(await unseal(tpm, parent, plain, selections), SECRET);

      const watched = onTheBus();
      await withHmacSession(
        watched.tpm,
        key(type),
        async (session) => {
          for (let round = 0; round < 3; round++) {
            const sealed = await seal(watched.tpm, parent, SECRET, values, { session });
            const opened = await unseal(watched.tpm, parent, sealed, selections, { session });
            assert.deepEqual(opened, SECRET);
          }
        },
        { hash },
      );
      assert.ok(!watched.saw(SECRET));
    });
  }
}

test('sealed here by a session, tpm2_unseal opens it; sealed by tpm2_create, a session opens it', async () => {
  const sealed = await withHmacSession(shared.tpm, key(), (session) =>
    seal(shared.tpm, ECC, SECRET, values, { session }),
  );
  await writeFile(shared.file('our.pub'), sized(sealed.publicArea));
  await writeFile(shared.file('our.priv'), sized(sealed.privateArea));
  const parent = `0x${ECC.toString(16)}`;
  await shared.tool(`tpm2_load -C ${parent} -u our.pub -r our.priv -c our.ctx`);
  assert.equal(await shared.tool('tpm2_unseal -c our.ctx -p pcr:sha256:13'), SECRET.toString());

  await writeFile(shared.file('secret'), SECRET);
  await shared.tool('tpm2_createpolicy --policy-pcr -l sha256:13 -L policy');
  await shared.tool(`tpm2_create -C ${parent} -u their.pub -r their.priv -i secret -L policy`);
  const theirs = {
    publicArea: (await readFile(shared.file('their.pub'))).subarray(2),
    privateArea: (await readFile(shared.file('their.priv'))).subarray(2),
  };
  const opened = await withHmacSession(shared.tpm, key('rsa-2048'), (session) =>
    unseal(shared.tpm, ECC, theirs, selectionOf(values), { session }),
  );
  assert.deepEqual(opened, SECRET);
});

test('a credential comes back encrypted, the session salted by the endorsement key', async () => {
  for (const type of ['ecc-p256', 'rsa-2048'] as const) {
    const { tpm, saw } = onTheBus();
    const ek = await createPrimary(tpm, TPM_RH.ENDORSEMENT, ekTemplate(type));
    const ak = await createAk(tpm);
    const credential = makeCredential(ek.publicArea, ak.name, SECRET);
    const opened = await withHmacSession(tpm, ek, (session) =>
      activateCredential(tpm, ak.handle, ek.handle, credential, { session }),
    );
    assert.deepEqual(opened, SECRET);
    assert.ok(!saw(SECRET));
    await flushContext(tpm, ek.handle);
    await flushContext(tpm, ak.handle);
  }
});

test('a password is proven and not sent; data of an NV index is encrypted both ways', async () => {
  const { tpm, saw } = onTheBus();
  await nvDefine(
    shared.tpm,
    {
      index: INDEX,
      nameAlgorithm: 'sha256',
      attributes: TPMA_NV.AUTH_READ | TPMA_NV.AUTH_WRITE | TPMA_NV.NO_DA,
      authPolicy: Buffer.alloc(0),
      size: SECRET.length,
    },
    { password: Buffer.from(PASSWORD) },
  );
  await withHmacSession(tpm, key(), async (session) => {
    const write = session.authorize(PASSWORD, { command: true });
    await nvWrite(tpm, INDEX, SECRET, 0, { authorization: write });
    const read = session.authorize(PASSWORD, { response: true });
    assert.deepEqual(await nvRead(tpm, INDEX, {}, { authorization: read }), SECRET);
    await refused(
      nvRead(tpm, INDEX, {}, { authorization: session.authorize('wrong', { response: true }) }),
      'TPM_RC_BAD_AUTH',
    );
    assert.deepEqual(await nvRead(tpm, INDEX, {}, { authorization: read }), SECRET, 'and goes on');
  });
  assert.ok(!saw(SECRET) && !saw(Buffer.from(PASSWORD)));
  await shared.tool(`tpm2_nvread 0x${INDEX.toString(16)} -o read -P ${PASSWORD}`);
  assert.deepEqual(await readFile(shared.file('read')), SECRET);
});

test('calls with one session may overlap', async () => {
  await withHmacSession(shared.tpm, key(), async (session) => {
    const authorization = session.authorize(PASSWORD, { response: true });
    const reads = [0, 4, 8].map((offset) =>
      nvRead(shared.tpm, INDEX, { offset, size: 4 }, { authorization }),
    );
    assert.deepEqual(Buffer.concat(await Promise.all(reads)), SECRET.subarray(0, 12));
  });
});

test('salted by a P-384 endorsement key, whose names are of SHA-384', async () => {
  const { tpm, saw } = onTheBus();
  const ek = await createPrimary(tpm, TPM_RH.ENDORSEMENT, ekTemplate('ecc-p384'));
  await withHmacSession(tpm, ek, async (session) => {
    session.names.set(ECC, objectName(key().publicArea));
    const sealed = await seal(tpm, ECC, SECRET, values, { session });
    assert.deepEqual(await unseal(tpm, ECC, sealed, selectionOf(values), { session }), SECRET);
  });
  assert.ok(!saw(SECRET));
  await flushContext(tpm, ek.handle);
});

test('PolicyAuthValue: what tpm2_create sealed with PCRs and a password, opens with both', async () => {
  const policy = authValuePolicyDigest({ before: pcrPolicyDigest(values) });
  await writeFile(shared.file('policy'), policy);
  await writeFile(shared.file('secret'), SECRET);
  const parent = `0x${ECC.toString(16)}`;
  await shared.tool(
    `tpm2_create -C ${parent} -u their.pub -r their.priv -i secret -L policy -p mypassword`,
  );
  const sealed = {
    publicArea: (await readFile(shared.file('their.pub'))).subarray(2),
    privateArea: (await readFile(shared.file('their.priv'))).subarray(2),
  };
  const { tpm, saw } = onTheBus();
  const { handle } = await load(tpm, ECC, sealed);
  const open = (value: string) =>
    withHmacSession(
      tpm,
      key(),
      async (session) => {
        await policyPcr(tpm, session.handle, selectionOf(values));
        await policyAuthValue(tpm, session.handle);
        return unsealObject(tpm, handle, session.authorize(value, { response: true }));
      },
      { type: 'policy' },
    );
  assert.deepEqual(await open('mypassword'), SECRET);
  await assert.rejects(open('another'), TpmError);
  assert.ok(!saw(SECRET) && !saw(Buffer.from('mypassword')));
  await flushContext(tpm, handle);
});

test('a response that was changed on the bus is not believed', async () => {
  const sealed = await seal(shared.tpm, ECC, SECRET, values);
  const { handle } = await load(shared.tpm, ECC, sealed);
  const open = async (tpm: Tpm) => {
    const session = await startHmacSession(tpm, key());
    try {
      return await withPolicySession(tpm, async (policy) => {
        await policyPcr(tpm, policy, selectionOf(values));
        return unsealObject(tpm, handle, policySession(policy, { keep: true }), session);
      });
    } finally {
      await flushContext(tpm, session.handle);
    }
  };
  assert.deepEqual(await open(onTheBus().tpm), SECRET);
  // Behind header, parameterSize and TPM2B size the data; at the end the session's nonce, attributes and HMAC, 69 bytes.
  const places = { 'first byte': 16, 'last byte': 47, nonce: -67, attributes: -35, hmac: -1 };
  for (const [place, at] of Object.entries(places)) {
    const { tpm } = onTheBus((response, code) => {
      const offset = at < 0 ? response.length + at : at;
      if (code === COMMAND_CODES.Unseal)
        response.writeUInt8(response.readUInt8(offset) ^ 1, offset);
      return response;
    });
    await assert.rejects(open(tpm), TpmSessionError, place);
  }
  await flushContext(shared.tpm, handle);
});

test('a command that was changed, or sent to another object, is refused by the TPM', async () => {
  const { tpm } = shared;
  await withHmacSession(tpm, key(), async (session) => {
    session.names.set(RSA, session.names.get(ECC) as Buffer);
    await refused(seal(tpm, RSA, SECRET, values, { session }), 'TPM_RC_BAD_AUTH');
    session.names.delete(RSA);
    await assert.rejects(seal(tpm, RSA, SECRET, values, { session }), /name of the parent/);
    session.names.set(RSA, objectName(key('rsa-2048').publicArea));
    await seal(tpm, RSA, SECRET, values, { session });
  });
  const changing = new Tpm({
    description: 'changing bus',
    transmit: (command) => {
      const create = command.readUInt32BE(6) === COMMAND_CODES.Create;
      const at = command.length - 1;
      if (create) command.writeUInt8(command.readUInt8(at - 10) ^ 1, at - 10);
      return shared.transmit(command);
    },
    close: async () => {},
  });
  await withHmacSession(changing, key(), async (session) => {
    await assert.rejects(seal(changing, ECC, SECRET, values, { session }), TpmError);
  });
});

test('salted for another key than the handle’s: no session comes about, or its HMAC fails', async () => {
  const stranger: LoadedObject = await createPrimary(
    shared.tpm,
    TPM_RH.ENDORSEMENT,
    srkTemplate('ecc-p256'),
  );
  await flushContext(shared.tpm, stranger.handle);
  const wrong = { handle: ECC, publicArea: stranger.publicArea };
  await withHmacSession(shared.tpm, wrong, async (session) => {
    await assert.rejects(seal(shared.tpm, ECC, SECRET, values, { session }), TpmError);
  });
});

test('what cannot be protected is refused here', async () => {
  await withHmacSession(shared.tpm, key(), async (session) => {
    const both = [session.authorize(), session.protect({})];
    await assert.rejects(
      shared.tpm.execute({ command: 'Unseal', handles: [ECC], authorizations: both }),
      /one session with a key/,
    );
    const encrypted = [session.protect({ command: true })];
    await assert.rejects(
      shared.tpm.execute({ command: 'ReadPublic', handles: [ECC], authorizations: encrypted }),
      /no TPM2B/,
    );
  });
  await withHmacSession(
    shared.tpm,
    key(),
    async (session) => {
      assert.throws(() => session.authorize('', { response: true }), RangeError);
      assert.throws(() => session.protect({ response: true }), RangeError);
    },
    { type: 'policy' },
  );
});

test('no session and no object stays behind, also after failures', async () => {
  const present = async () =>
    (await Promise.all([0x02000000, 0x80000000].map((first) => handles(shared.tpm, first)))).flat();
  const first = await present();
  const other: PcrValues = new Map([['sha256', new Map([[13, Buffer.alloc(32, 9)]])]]);
  await withHmacSession(shared.tpm, key(), async (session) => {
    const sealed = await seal(shared.tpm, ECC, SECRET, other, { session });
    await refused(
      unseal(shared.tpm, ECC, sealed, selectionOf(other), { session }),
      'TPM_RC_POLICY_FAIL',
    );
    assert.deepEqual([...session.names.keys()], [ECC]);
  });
  assert.deepEqual(await present(), first);
});
