import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  digest,
  getRandom,
  getTestResult,
  type HashAlgorithm,
  pcrBanks,
  pcrExtend,
  pcrRead,
  pcrReset,
  selfTest,
  shutdown,
  startup,
  TPM_PT,
  TpmError,
  tpmProperties,
} from 'node-tpm2-pts';
import { SharedTpm } from '../../lib/tpm2-tools.ts';

let shared: SharedTpm;

before(async () => {
  shared = await SharedTpm.start();
});

after(() => shared?.stop());

test('start-up, self test, properties, random, shutdown', async () => {
  assert.equal(await startup(shared.tpm), false, 'swtpm was started with startup-clear');
  await selfTest(shared.tpm);
  assert.equal((await getTestResult(shared.tpm)).result, 0);
  const properties = await tpmProperties(shared.tpm);
  assert.equal(properties.get(TPM_PT.FAMILY_INDICATOR), 0x322e3000, '"2.0"');
  assert.equal(properties.get(TPM_PT.PCR_COUNT), 24);
  const random = await getRandom(shared.tpm, 100);
  assert.equal(random.length, 100);
  assert.notDeepEqual(random, await getRandom(shared.tpm, 100));
  await shutdown(shared.tpm, 'state');
});

test('all PCRs of all banks, as tpm2_pcrread prints them', async () => {
  const banks = await pcrBanks(shared.tpm);
  const digests = new Map(banks.map(({ bank }) => [bank, digest(bank, Buffer.from('x'))]));
  for (const pcr of [0, 13, 16]) await pcrExtend(shared.tpm, pcr, digests);
  const values = await pcrRead(shared.tpm, banks);
  const seen = new Map<string, string>();
  let bank = '';
  for (const line of (await shared.tool('tpm2_pcrread')).split('\n')) {
    bank = /^ {2}(\w+):$/.exec(line)?.[1] ?? bank;
    const value = /^ {4}(\d+) *: 0x([0-9A-F]+)$/.exec(line);
    if (value) seen.set(`${bank}:${value[1]}`, (value[2] ?? '').toLowerCase());
  }
  assert.equal(seen.size, banks.length * 24);
  for (const [name, pcrs] of values) {
    assert.equal(pcrs.size, 24);
    for (const [pcr, value] of pcrs)
      assert.equal(value.toString('hex'), seen.get(`${name}:${pcr}`));
  }
});

test('PCR 16 can be reset, PCR 13 cannot, PCR 17 needs another locality', async () => {
  const read = async (pcr: number, bank: HashAlgorithm) =>
    (await pcrRead(shared.tpm, [{ bank, pcrs: [pcr] }])).get(bank)?.get(pcr);
  await pcrExtend(shared.tpm, 16, new Map([['sha256', Buffer.alloc(32, 1)]]));
  await pcrReset(shared.tpm, 16);
  assert.deepEqual(await read(16, 'sha256'), Buffer.alloc(32));
  const locality = (error: unknown) => error instanceof TpmError && error.code === 0x907;
  await assert.rejects(pcrReset(shared.tpm, 13), locality);
  await assert.rejects(
    pcrExtend(shared.tpm, 17, new Map([['sha256', Buffer.alloc(32)]])),
    locality,
  );
  assert.deepEqual(await read(17, 'sha256'), Buffer.alloc(32, 0xff));
});

test('a PCR that does not exist is an error that says so', async () => {
  await assert.rejects(pcrExtend(shared.tpm, 24, new Map([['sha256', Buffer.alloc(32)]])), {
    name: 'TpmError',
    message: /^TPM2_PCR_Extend: TPM_RC_VALUE \(0x184, handle 1\)$/,
  });
});
