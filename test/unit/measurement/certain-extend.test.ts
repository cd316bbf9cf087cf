import assert from 'node:assert/strict';
import { test } from 'node:test';
import { digest, type HashAlgorithm } from 'node-tpm2-pts';
import { CertainExtends } from '../../../measurement/certain-extend.ts';
import { extend, initialValue } from '../../../measurement/event-log/replay.ts';
import { type Fault, TpmSimulator } from '../../lib/tpm-simulator.ts';

const BANKS = ['sha1', 'sha256'] as const;
const PCR = 13;
const digestsOf = (text: string) =>
  new Map<HashAlgorithm, Buffer>(BANKS.map((bank) => [bank, digest(bank, Buffer.from(text))]));

/** Extends two events; what the faults do to the second, by command and how often it came. */
async function extended(fault: (command: string, count: number) => Fault | undefined) {
  const simulator = new TpmSimulator(BANKS);
  const extends_ = new CertainExtends(simulator.tpm());
  await extends_.extend(PCR, digestsOf('first'));
  const counts = new Map<string, number>();
  simulator.received.length = 0;
  simulator.fault = (command) => {
    const count = (counts.get(command) ?? 0) + 1;
    counts.set(command, count);
    return fault(command, count);
  };
  const outcome = await extends_.extend(PCR, digestsOf('second')).then(
    () => 'done',
    (error: Error) => error.message,
  );
  const once = BANKS.every((bank) => {
    const first = digestsOf('first').get(bank) as Buffer;
    const value = extend(bank, initialValue(bank, PCR), first);
    const second = digestsOf('second').get(bank) as Buffer;
    return simulator.pcrs.get(bank)?.[PCR]?.equals(extend(bank, value, second));
  });
  return { outcome, once, received: simulator.received.join(' ') };
}

const LATE = 'simulated TPM: write: ETIME';

test('an extend that the TPM did not make in time is made again', async () => {
  assert.deepEqual(
    await extended((name, n) => (name === 'PCR_Extend' && n < 3 ? 'late command' : undefined)),
    {
      outcome: 'done',
      once: true,
      received: 'PCR_Extend PCR_Read PCR_Extend PCR_Read PCR_Extend',
    },
  );
});

test('one that it made, and said so too late, is not', async () => {
  assert.deepEqual(
    await extended((name) => (name === 'PCR_Extend' ? 'late response' : undefined)),
    {
      outcome: 'done',
      once: true,
      received: 'PCR_Extend PCR_Read',
    },
  );
});

test('reading may be late, too', async () => {
  const { outcome, once } = await extended((name, n) =>
    n < 3 && name === 'PCR_Read' ? 'late command' : n < 2 ? 'late response' : undefined,
  );
  assert.deepEqual([outcome, once], ['done', true]);
});

test('a TPM that is always late, tells nothing, or holds something else ends it', async () => {
  const always = await extended((name) => (name === 'PCR_Extend' ? 'late command' : undefined));
  assert.deepEqual([always.outcome, always.once], [LATE, false]);
  const silent = await extended(() => 'late response');
  assert.deepEqual(silent, {
    outcome: LATE,
    once: true,
    received: 'PCR_Extend PCR_Read PCR_Read PCR_Read',
  });
  const simulator = new TpmSimulator(BANKS);
  const extends_ = new CertainExtends(simulator.tpm());
  simulator.fault = (name) => (name === 'PCR_Extend' ? 'late command' : undefined);
  for (const values of simulator.pcrs.values()) values[PCR]?.fill(1);
  await assert.rejects(extends_.extend(PCR, digestsOf('first')), { message: LATE });
  assert.deepEqual(simulator.received, ['PCR_Extend', 'PCR_Read']);
});

test('any other loss, and a refusal, are told at once', async () => {
  const lost = await extended((name) => (name === 'PCR_Extend' ? 'lost response' : undefined));
  assert.deepEqual(lost, {
    outcome: 'simulated TPM: connection lost',
    once: true,
    received: 'PCR_Extend',
  });
  const refused = await extended((name) => (name === 'PCR_Extend' ? 0x101 : undefined));
  assert.match(refused.outcome, /TPM_RC_FAILURE/);
  assert.deepEqual([refused.once, refused.received], [false, 'PCR_Extend']);
});
