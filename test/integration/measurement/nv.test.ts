import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import {
  type NvPublic,
  nvDefine,
  nvIncrement,
  nvRead,
  nvReadPublic,
  nvUndefine,
  nvWrite,
  password,
  readEkCertificate,
  TPM_RH,
  TPMA_NV,
  TpmError,
} from 'node-tpm2-pts';
import { runProgram } from '../../../platform/lib/run.ts';
import { SharedTpm } from '../../lib/tpm2-tools.ts';

const { OWNER_READ, OWNER_WRITE, AUTH_READ, AUTH_WRITE, COUNTER, NO_DA, WRITTEN } = TPMA_NV;
const OWNER = { by: TPM_RH.OWNER };

let shared: SharedTpm;

before(async () => {
  shared = await SharedTpm.start();
});

after(() => shared?.stop());

function area(index: number, size: number, attributes: number): NvPublic {
  return { index, nameAlgorithm: 'sha256', attributes, authPolicy: Buffer.alloc(0), size };
}

const rejects = (promise: Promise<unknown>, name: string) =>
  assert.rejects(promise, (error) => error instanceof TpmError && error.response.name === name);

test('data larger than one command: written and read here, read with tpm2_nvread', async () => {
  const index = 0x01500010;
  const data = Buffer.from(Array.from({ length: 2000 }, (_, i) => i % 251));
  const attributes = OWNER_READ | OWNER_WRITE;
  await nvDefine(shared.tpm, area(index, data.length, attributes));
  await rejects(nvRead(shared.tpm, index, {}, OWNER), 'TPM_RC_NV_UNINITIALIZED');
  await nvWrite(shared.tpm, index, data, 0, OWNER);
  assert.deepEqual(await nvRead(shared.tpm, index, {}, OWNER), data);
  const part = await nvRead(shared.tpm, index, { offset: 1500, size: 10 }, OWNER);
  assert.deepEqual(part, data.subarray(1500, 1510));
  assert.deepEqual(
    await nvReadPublic(shared.tpm, index),
    area(index, data.length, (attributes | WRITTEN) >>> 0),
  );
  await shared.tool(`tpm2_nvread -C o -o read 0x${index.toString(16)}`);
  assert.deepEqual(await readFile(shared.file('read')), data);
  await rejects(nvDefine(shared.tpm, area(index, 8, attributes)), 'TPM_RC_NV_DEFINED');
  await rejects(nvWrite(shared.tpm, index, data, 1, OWNER), 'TPM_RC_NV_RANGE');
  await nvUndefine(shared.tpm, index);
  await rejects(nvReadPublic(shared.tpm, index), 'TPM_RC_HANDLE');
});

test('what tpm2_nvwrite wrote is read here, with the index password', async () => {
  await writeFile(shared.file('data'), 'from the tools');
  await shared.tool('tpm2_nvdefine 0x1500011 -s 14 -a authread|authwrite -p secret');
  await shared.tool('tpm2_nvwrite 0x1500011 -P secret -i data');
  const read = (value: string) =>
    nvRead(shared.tpm, 0x01500011, {}, { authorization: password(value) });
  assert.equal((await read('secret')).toString(), 'from the tools');
  await rejects(read('wrong'), 'TPM_RC_AUTH_FAIL');
});

test('a counter counts up, by us and by tpm2_nvincrement', async () => {
  const index = 0x01500012;
  const attributes = AUTH_READ | AUTH_WRITE | COUNTER | NO_DA;
  await nvDefine(shared.tpm, area(index, 8, attributes));
  await nvIncrement(shared.tpm, index);
  const value = async () => (await nvRead(shared.tpm, index)).readBigUInt64BE();
  const first = await value();
  await shared.tool(`tpm2_nvincrement 0x${index.toString(16)}`);
  await nvIncrement(shared.tpm, index);
  assert.equal(await value(), first + 2n);
  await rejects(nvWrite(shared.tpm, index, Buffer.alloc(8)), 'TPM_RC_ATTRIBUTES');
});

test('the EK certificate is read from its index, without what is behind it', async () => {
  assert.equal(await readEkCertificate(shared.tpm, 'rsa-2048'), undefined);
  const [keyFile, certificateFile] = [shared.file('ca.key'), shared.file('ek.der')];
  await runProgram('openssl', [
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=endorsement'],
    ...['-outform', 'DER', '-keyout', keyFile, '-out', certificateFile],
  ]);
  const der = await readFile(certificateFile);
  await nvDefine(shared.tpm, area(0x01c00002, 1600, OWNER_WRITE | AUTH_READ | NO_DA));
  await nvWrite(shared.tpm, 0x01c00002, Buffer.concat([der, Buffer.alloc(100, 0xff)]), 0, OWNER);
  const read = await readEkCertificate(shared.tpm, 'rsa-2048');
  assert.deepEqual(read, der);
  assert.equal(new X509Certificate(der).subject, 'CN=endorsement');

  await nvWrite(shared.tpm, 0x01c00002, Buffer.from('3082ffff', 'hex'), 0, OWNER);
  await assert.rejects(readEkCertificate(shared.tpm, 'rsa-2048'), /65539 bytes claimed/);
  await nvWrite(shared.tpm, 0x01c00002, Buffer.from('0400', 'hex'), 0, OWNER);
  await assert.rejects(
    readEkCertificate(shared.tpm, 'rsa-2048'),
    /does not begin with a DER SEQUENCE/,
  );
});
