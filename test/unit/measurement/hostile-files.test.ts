import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import {
  evidenceFiles,
  readEvidence,
  writeEvidence,
} from '../../../measurement/evidence/evidence.ts';
import { verifyEvidence } from '../../../measurement/evidence/verify.ts';
import { hostileFiles, putHostile } from '../../lib/hostile-files.ts';
import {
  expectedOfFirmware as expected,
  genuineWithFirmware as genuine,
} from './forgeries/firmware.ts';

const directory = mkdtempSync(join(tmpdir(), 'domb-hostile-'));
after(() => rmSync(directory, { recursive: true }));

const files = new Map([...evidenceFiles(genuine), ['ek.der', Buffer.from('a certificate')]]);
/** Nobody judges what the certificate says where there are no authorities. */
const unjudged = ['ek.der'];
/** Without it nothing is believed of firmware that is not expected, so that it need not be there. */
const optional = ['firmware.log'];
/** What is as if it were not there. */
const missing = ['nothing at all', 'a link to nothing'];

/** What becomes of the evidence in the directory: an outcome, or what cannot be read. */
async function outcome(): Promise<string> {
  try {
    return verifyEvidence(await readEvidence(directory), expected).outcome;
  } catch (error) {
    assert.ok(error instanceof Error && ('hint' in error || 'code' in error), String(error));
    return 'unread';
  }
}

test('the evidence that the files are of is proven', async () => {
  await writeEvidence(directory, genuine);
  assert.equal(await outcome(), 'proven');
});

for (const [name, bytes] of files) {
  test(`${name} may be anything, and proves nothing then`, { timeout: 20_000 }, async () => {
    const path = join(directory, name);
    for (const kind of Object.keys(hostileFiles)) {
      putHostile(kind, path);
      const memory = process.memoryUsage().rss;
      const result = await outcome();
      const absent = optional.includes(name) && missing.includes(kind);
      assert.ok(result !== 'proven' || absent || unjudged.includes(name), kind);
      const used = (process.memoryUsage().rss - memory) / 2 ** 20;
      assert.ok(used < 200, `${kind}: ${used} MiB`);
    }
    putHostile('nothing at all', path);
    if (name !== 'ek.der') writeFileSync(path, bytes);
  });
}

test('afterwards all is as it was', async () => {
  assert.equal(await outcome(), 'proven');
});
