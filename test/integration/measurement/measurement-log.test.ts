import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pcrBanks, pcrExtend, pcrRead, type Tpm } from 'node-tpm2-pts';
import type { MeasuredItem } from '../../../measurement/events.ts';
import { MeasurementLog } from '../../../measurement/measurement-log.ts';
import { predict } from '../../../measurement/predict.ts';
import { runProgram } from '../../../platform/lib/run.ts';
import { imageItem, manifestItem } from '../../lib/items.ts';
import { type Swtpm, startSwtpm } from '../../lib/swtpm.ts';

const PCR = 13;
const ITEMS: MeasuredItem[] = [
  manifestItem(Buffer.from('version: 1\n')),
  { event: 'configuration', configuration: { version: 1, domains: [{ name: 'dom0' }] } },
  imageItem('dom0', 'kernel', Buffer.alloc(200_000, 1)),
  imageItem('dom0', 'ramdisk', Buffer.alloc(300_000, 2)),
  imageItem('dom0', 'cmdline', Buffer.from('console=hvc0 grüße')),
  {
    event: 'domain',
    domain: 'dom0',
    domid: 0,
    type: 'pv',
    seclabel: 'system_u:system_r:dom0_t',
    capabilities: ['control', 'hardware'],
  },
];

let swtpm: Swtpm;
let tpm: Tpm;
let directory: string;

before(async () => {
  swtpm = await startSwtpm();
  tpm = await swtpm.connect();
  directory = await mkdtemp(join(tmpdir(), 'domb-log-'));
});

after(async () => {
  await tpm?.close();
  await swtpm?.stop();
  await rm(directory, { recursive: true, force: true });
});

/** PCR values that tpm2_eventlog replays, as `bank:pcr` to hex. */
async function judge(path: string): Promise<Map<string, string>> {
  const text = await runProgram('tpm2_eventlog', [path]);
  const values = new Map<string, string>();
  let bank = '';
  for (const line of text.slice(text.indexOf('\npcrs:')).split('\n')) {
    bank = /^ {2}(\w+):$/.exec(line)?.[1] ?? bank;
    const value = /^ {4}(\d+) *: 0x([0-9a-f]+)$/.exec(line);
    if (value) values.set(`${bank}:${value[1]}`, value[2] ?? '');
  }
  return values;
}

test('TPM, prediction and tpm2_eventlog agree in every bank; damaged logs do not', async () => {
  const log = await MeasurementLog.open({ tpm, pcr: PCR, directory });
  for (const item of ITEMS) await log.measure(item);
  await log.cap();
  await assert.rejects(log.measure(ITEMS[0] as MeasuredItem), /PCR 13 is capped/);
  await log.close();

  const banks = (await pcrBanks(tpm)).map(({ bank }) => bank);
  assert.ok(banks.length >= 2, `swtpm has more than one active bank: ${banks}`);
  const values = await pcrRead(
    tpm,
    banks.map((bank) => ({ bank, pcrs: [PCR] })),
  );
  const predicted = predict(ITEMS, { pcr: PCR, banks }).pcrs;
  const replayed = await judge(log.path);
  assert.equal(replayed.size, banks.length, 'tpm2_eventlog replays one PCR in each bank');
  for (const bank of banks) {
    const value = values.get(bank)?.get(PCR)?.toString('hex');
    assert.equal(
      value,
      predicted.get(bank)?.get(PCR)?.toString('hex'),
      `${bank}: TPM and prediction`,
    );
    assert.equal(value, replayed.get(`${bank}:${PCR}`), `${bank}: TPM and tpm2_eventlog`);
  }

  // Some verifiers give up at the first warning.
  assert.equal(await runProgram('sh', ['-c', 'tpm2_eventlog "$0" 2>&1 >/dev/null', log.path]), '');

  const bytes = await readFile(log.path);
  assert.deepEqual(bytes, log.bytes());

  const firstDigest = bytes.indexOf(log.events[0]?.digests[banks[0] ?? ''] ?? '', 0, 'hex');
  const tampered = Buffer.from(bytes);
  tampered.writeUInt8(tampered.readUInt8(firstDigest) ^ 1, firstDigest);
  const tamperedPath = join(directory, 'tampered.log');
  await writeFile(tamperedPath, tampered);
  const different = await judge(tamperedPath).catch(() => new Map<string, string>());
  assert.notEqual(
    different.get(`${banks[0]}:${PCR}`),
    values
      .get(banks[0] ?? 'sha256')
      ?.get(PCR)
      ?.toString('hex'),
  );

  const truncatedPath = join(directory, 'truncated.log');
  await writeFile(truncatedPath, bytes.subarray(0, bytes.length - 3));
  await assert.rejects(runProgram('tpm2_eventlog', [truncatedPath]), /tpm2_eventlog .* ended with/);
});

test('a PCR that somebody extended before is refused and no log is made', async () => {
  const [bank] = await pcrBanks(tpm);
  assert.ok(bank);
  await pcrExtend(tpm, 14, new Map([['sha256', Buffer.alloc(32, 7)]]));
  const other = await mkdtemp(join(tmpdir(), 'domb-log-'));
  try {
    await assert.rejects(
      MeasurementLog.open({ tpm, pcr: 14, directory: other }),
      /PCR 14 was extended before us \(sha256\)/,
    );
    await assert.rejects(readFile(join(other, 'measurement.log')), { code: 'ENOENT' });
  } finally {
    await rm(other, { recursive: true });
  }
});
