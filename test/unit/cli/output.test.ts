import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { writeEvidence } from '../../../measurement/evidence/evidence.ts';
import { domb, dombProgram, file } from '../../lib/domb.ts';
import { eventsOf, evidenceOf, ITEMS, logOf } from '../../lib/evidence.ts';
import { ramdiskWith } from '../../lib/ramdisk-with.ts';
import { elf, pvNotes } from '../boot-configs/elf-builder.ts';

const demo = file('boot-configs/demo.yaml');
const full = 'no space left on device (ENOSPC)';

let directory: string;
const at = (name: string): string => join(directory, name);

before(async () => {
  directory = mkdtempSync(join(tmpdir(), 'domb-output-'));
  writeFileSync(at('vmlinux'), elf({ notes: pvNotes }));
  writeFileSync(at('vtpm.cpio.zst'), ramdiskWith('the vTPM'));
  writeFileSync(at('dom0.cpio.zst'), ramdiskWith('domain 0'));
  writeFileSync(at('measurement.log'), logOf(eventsOf(ITEMS)));
  await writeEvidence(at('evidence'), evidenceOf());
});

after(() => rmSync(directory, { recursive: true }));

/** All that write to standard output and need no machine; with what each is started. */
const writers = (): string[][] => [
  ['--help'],
  ['--version'],
  ['help', 'plan'],
  ['plan', '-qh'],
  ['validate', demo],
  ['validate', '--json', demo],
  ['validate', '--json', file('boot-configs/invalid/several.yaml')],
  ['plan', demo],
  ['plan', '--json', demo],
  ['plan', '--json', '/nonexistent'],
  ['predict', demo, '--no-policy', '--images', directory],
  ['predict', demo, '--no-policy', '--images', directory, '--json'],
  ['predict', demo, '--no-policy', '--images', directory, '--pcrlock', '--without', 'launch-chain'],
  ['log', at('measurement.log')],
  ['log', at('measurement.log'), '--json'],
  ['verify', at('evidence'), '--boot'],
  ['verify', at('evidence'), '--boot', '--json'],
  ['explain'],
  ['explain', 'domains.memory', '--json'],
  ['schema'],
  ['completion', 'bash'],
  ['completion', 'zsh'],
];

function inShell(redirection: string, argv: string[]) {
  const script = `"$0" "$@" ${redirection}`;
  const { status, stdout, stderr } = spawnSync('sh', ['-c', script, dombProgram, ...argv]);
  return { status, out: stdout.toString(), error: stderr.toString() };
}

test('a full standard output gives 1 and one line', () => {
  for (const argv of writers()) {
    assert.deepEqual(
      inShell('>/dev/full', argv),
      { status: 1, out: '', error: `domb: cannot write standard output: ${full}\n` },
      argv.join(' '),
    );
  }
});

test('a reader that stops early ends it silently', () => {
  for (const argv of [['schema'], ['explain'], ['completion', 'bash'], ['plan', '--json', demo]]) {
    const { out, error } = inShell('| head -c 1', argv);
    assert.deepEqual([out.length, error], [1, ''], argv.join(' '));
  }
});

test('what standard error does not take is lost, and changes nothing', () => {
  assert.deepEqual(inShell('2>/dev/full', ['validate', '/nonexistent']), {
    status: 1,
    out: '',
    error: '',
  });
});

test('files that can not be written are named', async () => {
  const predict = ['predict', demo, '--no-policy', '--images', directory, '--reference-out'];
  for (const [argv, what] of [
    [[...predict, '/dev/full'], `/dev/full: ${full}`],
    [[...predict, '/no/such'], '/no/such: no such file or directory (ENOENT)'],
    [[...predict, directory], `${directory}: illegal operation on a directory (EISDIR)`],
  ] as const) {
    assert.deepEqual(await domb(argv), {
      status: 1,
      out: '',
      error: `domb: cannot write ${what}\n`,
    });
  }
});
