import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import {
  createAk,
  decodePublic,
  digest,
  encodePublic,
  flushContext,
  type KeyType,
  objectName,
  type PcrValues,
  pcrBanks,
  pcrExtend,
  pcrRead,
  publicKey,
  QuoteError,
  quote,
  readPublic,
  tpm2ToolsPcrFile,
  verifyQuote,
} from 'node-tpm2-pts';
import { SharedTpm } from '../../lib/tpm2-tools.ts';

const NONCE = Buffer.from('0123456789abcdef0123', 'hex');
const PCRS = [0, 1, 2, 3, 4, 5, 6, 7, 13];

let shared: SharedTpm;
let values: PcrValues;

before(async () => {
  shared = await SharedTpm.start();
  const banks = await pcrBanks(shared.tpm);
  const digests = new Map(banks.map(({ bank }) => [bank, digest(bank, Buffer.from('x'))]));
  await pcrExtend(shared.tpm, 13, digests);
  values = await pcrRead(shared.tpm, [
    { bank: 'sha256', pcrs: PCRS },
    { bank: 'sha384', pcrs: [13] },
  ]);
});

after(() => shared?.stop());

async function ourQuote(type: KeyType) {
  const ak = await createAk(shared.tpm, type);
  const selections = [...values].map(([bank, pcrs]) => ({ bank, pcrs: [...pcrs.keys()] }));
  const made = await quote(shared.tpm, ak.handle, NONCE, selections);
  const read = await readPublic(shared.tpm, ak.handle);
  await flushContext(shared.tpm, ak.handle);
  return { ak, read, made };
}

for (const type of ['ecc-p256', 'rsa-2048'] as const) {
  test(`our ${type} quote: verifies here, and with tpm2_checkquote`, async () => {
    const { ak, read, made } = await ourQuote(type);
    assert.deepEqual(read.publicArea, ak.publicArea);
    assert.deepEqual(objectName(ak.publicArea), ak.name);
    assert.deepEqual(encodePublic(decodePublic(ak.publicArea)), ak.publicArea);

    const attest = verifyQuote(made, { ak: ak.publicArea, nonce: NONCE, pcrs: values });
    assert.deepEqual(attest.qualifiedSigner, read.qualifiedName);
    assert.equal(attest.clock.resetCount, 1);

    const pem = publicKey(decodePublic(ak.publicArea)).export({ type: 'spki', format: 'pem' });
    await writeFile(shared.file('ak.pem'), pem);
    await writeFile(shared.file('attest'), made.attest);
    await writeFile(shared.file('signature'), made.signature);
    await writeFile(shared.file('pcrs'), tpm2ToolsPcrFile(values));
    const check = (nonce: Buffer) =>
      shared.tool(
        `tpm2_checkquote -u ak.pem -m attest -s signature -f pcrs -q ${nonce.toString('hex')}`,
      );
    await check(NONCE);
    await assert.rejects(check(Buffer.from('00', 'hex')), /tpm2_checkquote .* ended with/);
    const others: PcrValues = new Map([...values, ['sha384', new Map([[13, Buffer.alloc(48)]])]]);
    await writeFile(shared.file('pcrs'), tpm2ToolsPcrFile(others));
    await assert.rejects(check(NONCE), /tpm2_checkquote .* ended with/);
  });
}

for (const [key, scheme] of [
  ['ecc', 'ecdsa'],
  ['rsa', 'rsassa'],
  ['rsa', 'rsapss'],
]) {
  test(`tpm2_quote with a ${key} ${scheme} key verifies here`, async () => {
    await shared.tool(`tpm2_createek -c ek.ctx -G ${key}`);
    await shared.tool(
      `tpm2_createak -C ek.ctx -c ak.ctx -G ${key} -s ${scheme} -g sha256 -u ak.pub -f tss`,
    );
    await shared.tool(
      `tpm2_quote -c ak.ctx -l sha256:${PCRS}+sha384:13 -q ${NONCE.toString('hex')} -m attest -s signature --scheme ${scheme}`,
    );
    // A TPM2B_PUBLIC: the TPMT_PUBLIC behind its size.
    const ak = (await readFile(shared.file('ak.pub'))).subarray(2);
    assert.deepEqual(encodePublic(decodePublic(ak)), ak);
    const made = {
      attest: await readFile(shared.file('attest')),
      signature: await readFile(shared.file('signature')),
    };
    verifyQuote(made, { ak, nonce: NONCE, pcrs: values });
    assert.throws(
      () => verifyQuote(made, { ak, nonce: Buffer.alloc(10), pcrs: values }),
      (error) => error instanceof QuoteError && /the nonce is not ours/.test(error.message),
    );
  });
}
