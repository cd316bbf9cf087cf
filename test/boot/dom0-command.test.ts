import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Answer } from '../../platform/machine/answers.ts';
import { boot, exampleManifest, failedChecks, parts } from './support.ts';

test('a dom0 with the command domb: it quotes for a nonce, verifies, and shows the log', async () => {
  const manifest = (await exampleManifest('demo')).replace(
    'ramdisk: dom0.cpio.zst',
    'ramdisk: [dom0.cpio.zst, domb-command.cpio.zst]',
  );
  const answers = new Map<string, Answer>();
  const run = await boot('dom0-command', manifest, {
    parts: await parts(),
    async converse(ask) {
      const keep = async (name: string, script: string) =>
        answers.set(name, await ask(name, script));
      await keep('version', 'domb --version');
      await keep('quote', 'domb quote --nonce 0123456789abcdef --output /run/evidence');
      await keep('verify', 'domb verify /run/evidence --nonce 0123456789abcdef');
      await keep('stale', 'domb verify /run/evidence --nonce 0123456789abcdee');
      await keep('log', 'domb log');
    },
  });
  assert.deepEqual(failedChecks(run), []);
  const [version, quote, verify, stale, log] = [...answers.values()] as [Answer, ...Answer[]];
  assert.deepEqual(version, { output: 'domb 0.1.0\n', status: 0 });
  assert.equal(quote?.status, 0, quote?.output);
  assert.equal(verify?.status, 0, verify?.output);
  assert.equal(stale?.status, 3, stale?.output);
  assert.match(log?.output ?? '', /image +dom0 ramdisk\[1\]/);
});
