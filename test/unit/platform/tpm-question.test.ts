import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { askTpm } from '../../../platform/demo/tpm-question.ts';

/** Asks as dom0 does, of a TPM that is late for the first `late` tries; its files are in a directory of the test. */
function asked(late: number) {
  const directory = mkdtempSync(join(tmpdir(), 'tpm-question-'));
  const at = (text: string) => text.replace(/\/run\/|\/dev\/(?=console)/g, `${directory}/`);
  const command = `
echo x >>/run/tries
if [ "$(wc -l </run/tries)" -le ${late} ]; then
  echo 'ERROR:tcti: Failed to write: Timer expired' >&2
  exit 3
fi
echo '13: 0xAB'`;
  const around = `sleep() { :; }\ndmesg() { echo 'tpm tpm0: Operation Timed out'; }\n`;
  const { status, stdout } = spawnSync('sh', ['-c', around + at(askTpm(command))]);
  const read = (name: string) => readFileSync(join(directory, name), 'utf8');
  const tries = read('tries').length / 2;
  const told = late > 0 ? read('console') : '';
  rmSync(directory, { recursive: true });
  return { status, said: stdout.toString(), tries, told };
}

test('what a TPM answers is asked once', () => {
  assert.deepEqual(asked(0), { status: 0, said: '13: 0xAB\n', tries: 1, told: '' });
});

test('a TPM that is late is asked again, and the console tells why', () => {
  const { told, ...answer } = asked(2);
  assert.deepEqual(answer, { status: 0, said: '13: 0xAB\n', tries: 3 });
  assert.match(told, /^dom0: asked its TPM: ERROR:tcti: .*Timer expired$/m);
  assert.match(told, /^dom0: asked its TPM: \(that was try 2 of 4, status 3\)$/m);
  assert.match(told, /^dom0: asked its TPM: tpm tpm0: Operation Timed out$/m);
});

test('one that stays away ends with the status of the command, and says all of it', () => {
  const { status, said, tries } = asked(9);
  assert.deepEqual([status, tries], [3, 4]);
  assert.match(said, /Timer expired\n\(that was try 4 of 4, status 3\)\n/);
  assert.match(said, /about TPMs:\ntpm tpm0: Operation Timed out\n$/);
});
