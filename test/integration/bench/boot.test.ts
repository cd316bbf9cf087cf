import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { compileReference } from '../../../bench/reference/boot-image.ts';
import { bootTimes } from '../../../bench/reference/boot-times.ts';
import { file } from '../../lib/domb.ts';

test('the boot domain in C compiles without a warning', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'domb-reference-'));
  t.after(() => rm(directory, { recursive: true }));
  const program = join(directory, 'boot-domain');
  await compileReference(program);
  assert.ok((await stat(program)).size > 10_000);
});

test("times of a boot are those of the console's lines and of the boot domain's own clock", () => {
  const line = (at: number, text: string) => ({ at, text });
  const starts = {
    domb: '  start vtpm ...',
    reference: 'creating and building took 900 ms',
  };
  const ends = {
    domb: "leave: init to halt 11000.5 ms (Node's start 2000 ms, 56 commands of the TPM 190.5 ms); domB halts now (4 ms)",
    reference: 'init to halt 11000.5 ms (9 commands of the TPM 190.5 ms); halts now',
  };
  for (const who of ['domb', 'reference'] as const) {
    const times = bootTimes([
      line(500, '(XEN) Xen version 4.17.5 (Debian)'),
      line(17_000, `(d32751) ${who}:   15.500 ${starts[who]}`),
      line(17_500, `(d32751) ${who}:   16.000   ${ends[who]}`),
      line(28_000, 'dom0: userspace is up'),
    ]);
    assert.deepEqual(times, {
      ...{ xen: 1000, kernel: 4999.5, initToHalt: 11_000.5, initToStart: 10_500.5 },
      ...{ tpm: 190.5, dom0: 10_500, total: 27_500 },
    });
  }
  const direct = bootTimes([line(500, 'Xen version 4.17'), line(7500, 'dom0: userspace is up')]);
  assert.equal(direct.total, 7000);
  assert.ok(Number.isNaN(direct.initToHalt));
});

test('npm run bench names its parts', () => {
  const bench = (...argv: string[]) =>
    spawnSync(process.execPath, [file('bench/main.ts'), ...argv], { encoding: 'utf8' });
  assert.match(bench('--help').stdout, /^ {2}boot {9}boots beside/m);
  assert.equal(bench('none').status, 2);
});
