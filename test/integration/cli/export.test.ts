import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import type { KeylimeRequest } from '../../../measurement/keylime/request.ts';
import { runProgram } from '../../../platform/lib/run.ts';
import { domb } from '../../lib/domb.ts';
import { keylimeFailures } from '../../lib/keylime.ts';
import { MeasuredPlatform } from '../../lib/measured-platform.ts';

const NONCE = '00112233445566778899aabbccddeeff';
let platform: MeasuredPlatform;

before(async () => {
  platform = await MeasuredPlatform.make();
  const { status, error } = await platform.quote(NONCE, 'evidence');
  assert.equal(status, 0, error);
});
after(() => platform?.stop());

const exported = (...options: string[]) =>
  domb(['export', platform.at('evidence'), '--for', 'keylime', ...options]);

/** What tpm2_eventlog, by which keylime reads logs, gives for the SHA-256 bank. */
async function replayed({ data }: KeylimeRequest): Promise<Map<number, string>> {
  await writeFile(platform.at('mb.log'), Buffer.from(data.mb_log ?? '', 'base64'));
  const shown = await runProgram('tpm2_eventlog', ['--eventlog-version=2', platform.at('mb.log')]);
  const pcrs = shown.split('\npcrs:\n').at(-1) ?? '';
  return new Map(
    [...pcrs.matchAll(/^ {4}(\d+) +: 0x([0-9a-f]+)$/gm)].map(([, pcr, value = '']) => [
      Number(pcr),
      value,
    ]),
  );
}

test('keylime accepts what is exported of a good boot, with the log that replays', async () => {
  const { status, out, error } = await exported('--nonce', NONCE, ...platform.expected);
  assert.equal(status, 0, error);
  const request: KeylimeRequest = JSON.parse(out);
  const values = await replayed(request);
  assert.deepEqual([...values.keys()], [12, 13]);
  assert.deepEqual(keylimeFailures(request, values), []);
  assert.match(error, /^compared with nothing: PCR 0, 1, 2, 3, 4, 5, 6, 7, 12$/m);
});

test('keylime refuses it under the prediction of other images', async () => {
  const text = await readFile(platform.at('p.reference'), 'utf8');
  await writeFile(platform.at('other.reference'), text.replace('r:dom0_t', 'r:domU_t'));
  const reference = ['--reference', platform.at('other.reference'), '--allow-unsigned'];
  const output = platform.at('request.json');
  const { status } = await exported('--nonce', NONCE, ...reference, '--output', output);
  assert.equal(status, 0);
  const request: KeylimeRequest = JSON.parse(await readFile(output, 'utf8'));
  assert.deepEqual(keylimeFailures(request, await replayed(request)), ['invalid_pcr_13']);
});

test('another nonce, another system, and nothing to compare with', async () => {
  const stale = await exported('--nonce', NONCE.replace('0', '1'), ...platform.expected);
  assert.equal(stale.status, 1);
  assert.match(stale.error, /the nonce is not ours/);
  const nothing = await exported('--nonce', NONCE);
  assert.equal(nothing.status, 2);
  const other = await domb([
    ...['export', platform.at('evidence'), '--for', 'somebody', '--nonce', NONCE],
    ...platform.expected,
  ]);
  assert.equal(other.status, 2);
  assert.match(other.error, /nothing is known of "somebody"/);
});
