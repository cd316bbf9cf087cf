import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import {
  activateCredential,
  createAk,
  createPrimary,
  ekTemplate,
  flushContext,
  makeCredential,
  TPM_RH,
  TpmError,
  Writer,
} from 'node-tpm2-pts';
import { SharedTpm } from '../../lib/tpm2-tools.ts';

const SECRET = Buffer.from('proves that the keys live together').subarray(0, 32);

let shared: SharedTpm;

before(async () => {
  shared = await SharedTpm.start();
});

after(() => shared?.stop());

for (const [type, tool] of [
  ['ecc-p256', 'ecc'],
  ['rsa-2048', 'rsa'],
] as const) {
  test(`${type}: our endorsement key is tpm2_createek's`, async () => {
    const ek = await createPrimary(shared.tpm, TPM_RH.ENDORSEMENT, ekTemplate(type));
    await flushContext(shared.tpm, ek.handle);
    await shared.tool(`tpm2_createek -c ek.ctx -G ${tool} -u ek.pub -f tss`);
    assert.deepEqual((await readFile(shared.file('ek.pub'))).subarray(2), ek.publicArea);
  });

  test(`${type}: made here, activated here, and only for the named key`, async () => {
    const { tpm } = shared;
    const ek = await createPrimary(tpm, TPM_RH.ENDORSEMENT, ekTemplate(type));
    const ak = await createAk(tpm, type);
    const credential = makeCredential(ek.publicArea, ak.name, SECRET);
    assert.deepEqual(await activateCredential(tpm, ak.handle, ek.handle, credential), SECRET);

    const stranger = Buffer.from(ak.name);
    stranger.writeUInt8(stranger.readUInt8(10) ^ 1, 10);
    const other = makeCredential(ek.publicArea, stranger, SECRET);
    await assert.rejects(
      activateCredential(tpm, ak.handle, ek.handle, other),
      (error) => error instanceof TpmError && error.response.name === 'TPM_RC_INTEGRITY',
    );
    await flushContext(tpm, ek.handle);
    await flushContext(tpm, ak.handle);
  });

  test(`${type}: made here, activated with tpm2_activatecredential`, async () => {
    await shared.tool(`tpm2_createek -c ek.ctx -G ${tool} -u ek.pub -f tss`);
    await shared.tool(`tpm2_createak -C ek.ctx -c ak.ctx -G ecc -s ecdsa -g sha256 -n ak.name`);
    const ek = (await readFile(shared.file('ek.pub'))).subarray(2);
    const made = makeCredential(ek, await readFile(shared.file('ak.name')), SECRET);
    // The file of tpm2_makecredential: magic, version, TPM2B_ID_OBJECT, TPM2B_ENCRYPTED_SECRET.
    const file = new Writer().u32(0xbadcc0de).u32(1).sized(made.blob).sized(made.secret);
    await writeFile(shared.file('credential'), file.toBuffer());
    await shared.tool('tpm2_startauthsession --policy-session -S session.ctx');
    await shared.tool('tpm2_policysecret -S session.ctx -c e');
    await shared.tool(
      'tpm2_activatecredential -c ak.ctx -C ek.ctx -i credential -o opened -P session:session.ctx',
    );
    await shared.tool('tpm2_flushcontext session.ctx');
    assert.deepEqual(await readFile(shared.file('opened')), SECRET);
  });

  test(`${type}: made with tpm2_makecredential, activated here`, async () => {
    const ak = await createAk(shared.tpm);
    await flushContext(shared.tpm, ak.handle);
    await writeFile(shared.file('secret'), SECRET);
    await shared.tool(`tpm2_createek -c ek.ctx -G ${tool} -u ek.pub -f tss`);
    const name = ak.name.toString('hex');
    await shared.tool(`tpm2_makecredential -u ek.pub -s secret -n ${name} -o credential`);
    const file = await readFile(shared.file('credential'));
    const blobSize = file.readUInt16BE(8);
    const made = {
      blob: file.subarray(10, 10 + blobSize),
      secret: file.subarray(10 + blobSize + 2),
    };
    const { tpm } = shared;
    const ek = await createPrimary(tpm, TPM_RH.ENDORSEMENT, ekTemplate(type));
    const { handle } = await createAk(tpm);
    assert.deepEqual(await activateCredential(tpm, handle, ek.handle, made), SECRET);
    await flushContext(tpm, ek.handle);
    await flushContext(tpm, handle);
  });
}
