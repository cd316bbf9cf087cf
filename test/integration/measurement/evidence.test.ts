import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pcrExtend } from 'node-tpm2-pts';
import type { MeasuredItem } from '../../../measurement/events.ts';
import {
  collectEvidence,
  readEvidence,
  writeEvidence,
} from '../../../measurement/evidence/evidence.ts';
import { verifyEvidence } from '../../../measurement/evidence/verify.ts';
import { MeasurementLog } from '../../../measurement/measurement-log.ts';
import { ITEMS, NONCE } from '../../lib/evidence.ts';
import { SharedTpm } from '../../lib/tpm2-tools.ts';
import { wrongIn } from '../../lib/verdict.ts';

let shared: SharedTpm;
let log: MeasurementLog;

before(async () => {
  shared = await SharedTpm.start();
  log = await MeasurementLog.open({ tpm: shared.tpm, pcr: 13, directory: shared.directory });
  for (const item of ITEMS) await log.measure(item);
  await log.cap();
});

after(async () => {
  await log?.close();
  await shared?.stop();
});

const expected = { nonce: NONCE, pcr: 13, items: ITEMS };
const collect = () =>
  collectEvidence(shared.tpm, {
    log: log.bytes(),
    pcrs: [log.target.pcr],
    banks: log.target.banks,
    nonce: NONCE,
  });

test('evidence from a TPM verifies here after a round through files', async () => {
  const directory = shared.file('evidence');
  await writeEvidence(directory, await collect());
  const verdict = verifyEvidence(await readEvidence(directory), expected);
  assert.deepEqual(wrongIn(verdict), []);
  assert.equal(verdict.attest?.clock.resetCount, 1);

  const other = ITEMS.map(
    (item): MeasuredItem =>
      item.event === 'image' && item.component === 'kernel' ? { ...item, size: 1 } : item,
  );
  assert.deepEqual(
    wrongIn(verifyEvidence(await readEvidence(directory), { ...expected, items: other })),
    [
      'vtpm kernel differs: size: expected 1, measured 14',
      'dom0 kernel differs: size: expected 1, measured 14',
    ],
  );
});

test('the same files verify by hand, with tpm2-tools', async () => {
  const evidence = await collect();
  await writeEvidence(shared.file('evidence'), evidence);
  const nonce = NONCE.toString('hex');
  const quoted = await shared.tool(
    `tpm2_checkquote -u evidence/ak.pub -m evidence/quote.attest -s evidence/quote.signature -f evidence/quote.pcrs -q ${nonce}`,
  );
  const replayed = await shared.tool('tpm2_eventlog evidence/measurement.log');
  for (const [bank, values] of evidence.pcrs) {
    const value = values.get(13)?.toString('hex') ?? '';
    assert.match(replayed.split(`\n  ${bank}:\n`).at(-1) ?? '', new RegExp(`13 : 0x${value}`));
    assert.match(quoted.toLowerCase(), new RegExp(`13: 0x${value}`), bank);
  }
});

test('something measured behind the log: no quote of this TPM verifies any more', async () => {
  await pcrExtend(shared.tpm, 13, new Map([['sha384', Buffer.alloc(48, 1)]]));
  assert.deepEqual(wrongIn(verifyEvidence(await collect(), expected)), [
    'the log does not replay to the quoted PCR 13 in bank sha384',
  ]);
});

test('damaged files are refused', async () => {
  const directory = shared.file('evidence');
  const ak = await readFile(join(directory, 'ak.pub'));
  await writeFile(join(directory, 'ak.pub'), ak.subarray(1));
  await assert.rejects(readEvidence(directory), /not a TPM2B_PUBLIC/);
  await writeFile(join(directory, 'ak.pub'), ak);
  const pcrs = await readFile(join(directory, 'quote.pcrs'));
  for (const damaged of [pcrs.subarray(1), Buffer.alloc(0), Buffer.alloc(pcrs.length, 0xff)]) {
    await writeFile(join(directory, 'quote.pcrs'), damaged);
    await assert.rejects(readEvidence(directory), /PCR file: not in the form/);
  }
});
