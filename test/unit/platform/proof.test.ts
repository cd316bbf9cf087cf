import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { proofJudgement, prove } from '../../../platform/demo/proof.ts';

test('what is not proven does not hold, and the verdict says why', () => {
  const said =
    'ok           key: the enrolled one\nNOT PROVEN: a lie could still come through: nonce\n';
  assert.deepEqual(proofJudgement({ proven: false, commands: [], said }), {
    name: 'fresh evidence proves the whole chain',
    ok: false,
    detail: 'NOT PROVEN: a lie could still come through: nonce',
  });
  assert.equal(proofJudgement({ proven: true, commands: [], said }).ok, true);
});

test('a verifier that cannot go on says which command ended how', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'proof-'));
  t.after(() => rm(directory, { recursive: true }));
  const known = { directory, manifest: 'm.yaml', images: 'images', policy: 'policy' };
  const nobody = () => assert.fail('dom0 was asked');
  await assert.rejects(
    prove(nobody, known, (_what, work) => work()),
    /^Error: npm run domb -- enroll challenge \S+evidence .*: ended with 1\n/,
  );
});
