import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import {
  type Attestation,
  akTemplate,
  certify,
  createAk,
  createPrimary,
  decodeAttest,
  decodePublic,
  decodeSignature,
  digest,
  encodeSignature,
  evictControl,
  flushContext,
  getTime,
  handles,
  loadExternal,
  nvCertify,
  nvDefine,
  nvReadName,
  nvWrite,
  objectName,
  type PublicArea,
  publicKey,
  readClock,
  readPublic,
  sign,
  signatureTicket,
  srkTemplate,
  TPM_RH,
  TPMA_NV,
  TPMA_OBJECT,
  TpmError,
  verifySignature,
  Writer,
} from 'node-tpm2-pts';
import { SoftwareSigner } from '../../lib/software-signer.ts';
import { SharedTpm } from '../../lib/tpm2-tools.ts';

const NONCE = Buffer.from('00112233445566778899', 'hex');
const AK = 0x81000010;
const INDEX = 0x01500020;

/** A signing key for whatever it is given. */
const SIGNER: PublicArea = {
  ...akTemplate('ecc-p256'),
  attributes: akTemplate('ecc-p256').attributes & ~TPMA_OBJECT.RESTRICTED,
};

let shared: SharedTpm;
let ak: Buffer;
let akName: string;

before(async () => {
  shared = await SharedTpm.start();
  const made = await createAk(shared.tpm);
  ak = made.publicArea;
  akName = made.name.toString('hex');
  await evictControl(shared.tpm, made.handle, AK);
  await flushContext(shared.tpm, made.handle);
});

after(() => shared?.stop());

const refused = (promise: Promise<unknown>, name: string) =>
  assert.rejects(promise, (error) => error instanceof TpmError && error.response.name === name);

const signedByAk = ({ attest, signature }: Attestation) =>
  verifySignature(publicKey(decodePublic(ak)), decodeSignature(signature), attest);

/** What a tool wrote into the files `attest` and `signature`. */
async function attestedByTool(line: string): Promise<Attestation> {
  await shared.tool(`${line} -o signature --attestation attest`);
  return {
    attest: await readFile(shared.file('attest')),
    signature: await readFile(shared.file('signature')),
  };
}

test('any command code is sent: StirRandom, and a code that no TPM has', async () => {
  const parameters = new Writer().sized(Buffer.from('stirred'));
  (await shared.tpm.execute({ command: 0x146, parameters })).end();
  await assert.rejects(
    shared.tpm.execute({ command: 0x1ff }),
    /^TpmError: TPM2 command 0x1ff: TPM_RC_COMMAND_CODE/,
  );
});

test('an object made persistent stays, tpm2_readpublic finds it, and it can be removed', async () => {
  await shared.tool(`tpm2_readpublic -c 0x${AK.toString(16)} -n name`);
  assert.equal((await readFile(shared.file('name'))).toString('hex'), akName);
  const { handle } = await createPrimary(shared.tpm, TPM_RH.OWNER, srkTemplate('ecc-p256'));
  await evictControl(shared.tpm, handle, AK + 1);
  await flushContext(shared.tpm, handle);
  assert.deepEqual(await handles(shared.tpm, 0x81000000), [AK, AK + 1]);
  await evictControl(shared.tpm, AK + 1, AK + 1);
  assert.deepEqual(await handles(shared.tpm, 0x81000000), [AK]);
});

test('the clock goes forward, as tpm2_readclock reads it too', async () => {
  const first = await readClock(shared.tpm);
  const text = await shared.tool('tpm2_readclock');
  const last = await readClock(shared.tpm);
  const theirs = BigInt(/clock: (\d+)/.exec(text)?.[1] ?? -1);
  assert.ok(first.clock.clock <= theirs && theirs <= last.clock.clock, text);
  assert.match(text, new RegExp(`reset_count: ${last.clock.resetCount}\\n`));
});

test('the time is signed, by us and by tpm2_gettime', async () => {
  const ours = await getTime(shared.tpm, AK, NONCE);
  const nonce = NONCE.toString('hex');
  const theirs = await attestedByTool(`tpm2_gettime -c 0x${AK.toString(16)} -q ${nonce}`);
  const times = [ours, theirs].map((one) => {
    assert.ok(signedByAk(one));
    const attest = decodeAttest(one.attest);
    assert.ok(attest.type === 'time');
    assert.deepEqual(attest.extraData, NONCE);
    assert.equal(attest.timeFirmwareVersion, attest.firmwareVersion);
    assert.equal(attest.time.clock.resetCount, attest.clock.resetCount);
    return attest.time.time;
  });
  assert.ok((times[0] as bigint) <= (times[1] as bigint), `${times}`);
});

test('an object is certified by its name, by us and by tpm2_certify', async () => {
  const object = await createPrimary(shared.tpm, TPM_RH.OWNER, srkTemplate('ecc-p256'));
  const read = await readPublic(shared.tpm, object.handle);
  await evictControl(shared.tpm, object.handle, AK + 2);
  const ours = await certify(shared.tpm, object.handle, AK, NONCE);
  await flushContext(shared.tpm, object.handle);
  const [key, other] = [AK, AK + 2].map((handle) => `0x${handle.toString(16)}`);
  await shared.tool(
    `tpm2_certify -c ${other} -C ${key} -g sha256 -f tss -o their.attest -s their.signature`,
  );
  const theirs = {
    attest: await readFile(shared.file('their.attest')),
    signature: await readFile(shared.file('their.signature')),
  };
  for (const one of [ours, theirs]) {
    assert.ok(signedByAk(one));
    const attest = decodeAttest(one.attest);
    assert.ok(attest.type === 'certify');
    assert.deepEqual(attest.name, object.name);
    assert.deepEqual(attest.qualifiedName, read.qualifiedName);
  }
  assert.deepEqual(decodeAttest(ours.attest).extraData, NONCE);
  await evictControl(shared.tpm, AK + 2, AK + 2);
});

test('NV data is certified with the name of its index, by us and by tpm2_nvcertify', async () => {
  const area = {
    index: INDEX,
    nameAlgorithm: 'sha256',
    attributes: TPMA_NV.AUTH_READ | TPMA_NV.AUTH_WRITE | TPMA_NV.NO_DA,
    authPolicy: Buffer.alloc(0),
    size: 16,
  } as const;
  await nvDefine(shared.tpm, area);
  await nvWrite(shared.tpm, INDEX, Buffer.from('sixteen bytes...'));
  const name = await nvReadName(shared.tpm, INDEX);
  const ours = await nvCertify(shared.tpm, INDEX, AK, NONCE, { offset: 8, size: 5 });
  const nonce = NONCE.toString('hex');
  const theirs = await attestedByTool(
    `tpm2_nvcertify -C 0x${AK.toString(16)} -g sha256 -q ${nonce} --offset 8 --size 5 0x${INDEX.toString(16)}`,
  );
  for (const one of [ours, theirs]) {
    assert.ok(signedByAk(one));
    const attest = decodeAttest(one.attest);
    assert.ok(attest.type === 'nv');
    assert.deepEqual(attest.indexName, name);
    assert.equal(attest.offset, 8);
    assert.equal(attest.contents.toString(), 'bytes');
    assert.deepEqual(attest.extraData, NONCE);
  }
});

test('a digest signed by the TPM verifies with node:crypto and with tpm2_verifysignature', async () => {
  const message = Buffer.from('a message');
  const { handle, publicArea } = await createPrimary(shared.tpm, TPM_RH.OWNER, SIGNER);
  const made = await sign(shared.tpm, handle, digest('sha256', message));
  const key = publicKey(decodePublic(publicArea));
  assert.ok(verifySignature(key, decodeSignature(made), message));
  assert.ok(!verifySignature(key, decodeSignature(made), Buffer.from('another')));
  await flushContext(shared.tpm, handle);
  await refused(sign(shared.tpm, AK, digest('sha256', message)), 'TPM_RC_TICKET');

  await writeFile(shared.file('key.pem'), key.export({ type: 'spki', format: 'pem' }));
  await writeFile(shared.file('made'), made);
  await writeFile(shared.file('message'), message);
  await shared.tool('tpm2_loadexternal -C n -G ecc -u key.pem -c key.ctx');
  await shared.tool('tpm2_verifysignature -c key.ctx -g sha256 -m message -s made');
});

test('a signature made elsewhere: the TPM gives a ticket for it, and none for a wrong one', async () => {
  const signer = new SoftwareSigner();
  const message = Buffer.from('approved');
  const signature = signer.sign(message);
  assert.deepEqual(encodeSignature(decodeSignature(signature)), signature);
  const { handle, name } = await loadExternal(shared.tpm, signer.publicArea);
  assert.deepEqual(name, objectName(signer.publicArea));
  const ticket = await signatureTicket(shared.tpm, handle, digest('sha256', message), signature);
  assert.equal(ticket.tag, 0x8022);
  assert.equal(ticket.hierarchy, TPM_RH.OWNER);
  await refused(
    signatureTicket(shared.tpm, handle, digest('sha256', Buffer.from('no')), signature),
    'TPM_RC_SIGNATURE',
  );
  await flushContext(shared.tpm, handle);
});
