import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { describe, it } from 'node:test';
import { seriesPatches } from '../../../platform/hypervisor/source.ts';
import { runProgram } from '../../../platform/lib/run.ts';

const patches = await seriesPatches();

describe('the hypervisor series', () => {
  it('names every patch in the directory, in the order of their numbers', async () => {
    const [first] = patches;
    assert.ok(first, 'the series is empty');
    const files = (await readdir(dirname(first))).filter((name) => name.endsWith('.patch'));
    assert.deepEqual(
      patches.map((path) => basename(path)),
      files.sort(),
    );
  });

  for (const [index, path] of patches.entries()) {
    it(`${basename(path)} is in the form that git am takes`, async () => {
      const text = await readFile(path, 'utf8');
      const [message = '', changes = ''] = text.split(/^---$/m, 2);
      assert.match(message, /^From: .+ <.+@.+>$/m);
      // As git format-patch counts them: a file that is added or taken away changes the subjects of all.
      const number = index + 1;
      assert.equal(basename(path).slice(0, 5), `${String(number).padStart(4, '0')}-`);
      const total = patches.length;
      const place = `${String(number).padStart(String(total).length, '0')}/${total}`;
      assert.match(message, new RegExp(`^Subject: \\[PATCH ${place}\\] (xen|x86)\\b`, 'm'));
      assert.match(message, /^Signed-off-by: .+ <.+@.+>$/m);
      const [, body = ''] = message.split('\n\n', 2);
      assert.ok(body.length > 100, 'the message says too little');
      assert.ok(changes.includes('diff --git'));
      // Parses every hunk; a patch whose line counts are wrong is refused.
      const touched = (await runProgram('git', ['apply', '--numstat', path])).trim().split('\n');
      for (const line of touched) assert.match(line, /\t(xen|docs|tools)\//);
    });
  }

  it('documents each of its command line options and configuration switches', async () => {
    const text = (await Promise.all(patches.map((path) => readFile(path, 'utf8')))).join('');
    const options = [...text.matchAll(/^\+\w+_param\("([^"]+)"/gm)].map((match) => match[1]);
    assert.deepEqual(options, ['boot-domain']);
    for (const option of options) assert.match(text, new RegExp(`^\\+### ${option}\\b`, 'm'));
    assert.match(text, /^\+config BOOT_DOMAIN\n(\+.*\n)*\+\tdefault n\n/m);
  });
});
