import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  connectUnix,
  digest,
  getRandom,
  hashId,
  pcrExtend,
  pcrRead,
  pcrReset,
  startup,
  swtpmControl,
  Tpm,
  TpmTransportError,
} from 'node-tpm2-pts';
import { replay } from '../../../measurement/event-log/replay.ts';
import { runProgram } from '../../../platform/lib/run.ts';
import { startSwtpm } from '../../lib/swtpm.ts';

test('a TPM that must be powered on first: init, start-up, localities, reset', async (t) => {
  const swtpm = await startSwtpm({ flags: '' });
  t.after(() => swtpm.stop());
  const control = swtpmControl(swtpm.control);
  await control.init();
  const tpm = await swtpm.connect();
  assert.equal(await startup(tpm), true, 'nobody started it before');

  const one = new Map([['sha256' as const, Buffer.alloc(32, 1)]]);
  const value = async (pcr: number) =>
    (await pcrRead(tpm, [{ bank: 'sha256', pcrs: [pcr] }])).get('sha256')?.get(pcr);
  await assert.rejects(pcrReset(tpm, 20), /TPM_RC_LOCALITY/);
  await control.setLocality(2);
  await pcrReset(tpm, 20);
  assert.deepEqual(await value(20), Buffer.alloc(32));
  await pcrExtend(tpm, 20, one);
  await control.setLocality(0);
  await assert.rejects(pcrExtend(tpm, 20, one), /TPM_RC_LOCALITY/);
  await assert.rejects(control.setLocality(9), /setLocality: swtpm answered 0x3d/);

  await pcrExtend(tpm, 13, one);
  await control.init();
  await startup(tpm);
  assert.deepEqual(await value(13), Buffer.alloc(32), 'a reset clears PCR 13');
  await tpm.close();

  await control.stop();
  await control.init();
  await control.shutdown();
  await assert.rejects(control.init(), (error) => error instanceof TpmTransportError);
});

test('after a dynamic launch a register is what replaying its events from zeros gives', async (t) => {
  const swtpm = await startSwtpm();
  t.after(() => swtpm.stop());
  // _TPM_Hash_Start, _TPM_Hash_Data, _TPM_Hash_End, as a processor sends them.
  await runProgram('swtpm_ioctl', ['--unix', swtpm.control, '-h', 'the launched program']);
  const tpm = await swtpm.connect();
  const data = Buffer.from('the launched program');
  const digests = new Map([[hashId('sha256'), digest('sha256', data)]]);
  const replayed = replay([{ pcr: 17, type: 0x501, digests, data }], 'sha256').get(17);
  const values = await pcrRead(tpm, [{ bank: 'sha256', pcrs: [17, 18] }]);
  assert.deepEqual(values.get('sha256')?.get(17), replayed);
  assert.deepEqual(values.get('sha256')?.get(18), Buffer.alloc(32), 'all of them are reset');
  await tpm.close();
});

test('a TPM that goes away in the middle ends in an error, not in silence', async (t) => {
  const swtpm = await startSwtpm();
  t.after(() => swtpm.stop());
  const tpm = new Tpm(await connectUnix(swtpm.socket, { timeout: 5000 }));
  await getRandom(tpm, 8);
  await swtpm.stop();
  await assert.rejects(getRandom(tpm, 8), TpmTransportError);
});
