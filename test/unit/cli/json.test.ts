import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { commands } from '../../../cli/commands.ts';
import { jsonShapes } from '../../../cli/json-shapes.ts';
import { domb, file } from '../../lib/domb.ts';
import { eventsOf, ITEMS, logOf } from '../../lib/evidence.ts';
import { assertShape } from '../../lib/json-shape.ts';
import { ramdiskWith } from '../../lib/ramdisk-with.ts';
import { elf, pvNotes } from '../boot-configs/elf-builder.ts';

const demo = file('boot-configs/demo.yaml');
const bad = file('boot-configs/invalid/several.yaml');

let directory: string;
const at = (name: string): string => join(directory, name);

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'domb-json-'));
  await writeFile(at('vmlinux'), elf({ notes: pvNotes }));
  await writeFile(at('vtpm.cpio.zst'), ramdiskWith('the vTPM'));
  await writeFile(at('dom0.cpio.zst'), ramdiskWith('domain 0'));
  await writeFile(at('measurement.log'), logOf(eventsOf(ITEMS)));
  await writeFile(at('dirty.log'), logOf(eventsOf(ITEMS)));
  await chmod(at('dirty.log'), 0o1600);
  await writeFile(at('cut.log'), logOf(eventsOf(ITEMS)).subarray(0, -1));
});

after(() => rm(directory, { recursive: true }));

/** Standard output of a command, which ends with this status and says nothing else. */
async function json(status: number, ...argv: string[]): Promise<string> {
  const run = await domb([...argv, '--json']);
  assert.deepEqual([run.status, run.error], [status, ''], argv.join(' '));
  return run.out;
}

test('every command with --json has its shape documented', () => {
  assert.deepEqual(
    commands
      .filter(({ options }) => options.some(({ name }) => name === 'json'))
      .map((c) => c.name),
    commands.filter(({ name }) => name in jsonShapes).map(({ name }) => name),
  );
});

test('what commands write is as documented', async () => {
  // In a checkout everything can be checked; test/integration/cli/dom0-command.test.ts has a place where that is not so.
  assertShape('validate', [await json(1, 'validate', demo, bad)], ['files[].notChecked[]']);
  const recovery = file('boot-configs/recovery.yaml');
  assertShape('plan', [await json(0, 'plan', demo), await json(0, 'plan', recovery)]);
  const predicted = await json(0, 'predict', demo, '--no-policy', '--images', directory);
  assertShape('predict', [predicted]);
  assertShape(
    'explain',
    [await json(0, 'explain'), await json(0, 'explain', 'vcpus')],
    ['members[]'],
  );
  const log = [await json(0, 'log', at('measurement.log')), await json(1, 'log', at('dirty.log'))];
  log.push(await json(1, 'log', at('cut.log')));
  assertShape('log', log);
});

test('failures are JSON too, with their exit status', async () => {
  const cases: [status: number, argv: string[]][] = [
    [2, ['frobnicate']],
    [2, ['plan']],
    [2, ['validate', demo, '--imges']],
    [2, ['explain', 'memroy']],
    [2, ['verify', '/nonexistent']],
    [1, ['validate', demo, '--images', '/nonexistent']],
    [1, ['plan', bad]],
    [1, ['plan', '/nonexistent']],
    [1, ['predict', bad, '--no-policy', '--images', directory]],
    [1, ['predict', demo, '--images', '/nonexistent', '--no-policy']],
    [1, ['log', '/nonexistent']],
    [1, ['log', demo]],
    [1, ['verify', '/nonexistent', '--boot']],
    [1, ['introduce', '--record', '/nonexistent']],
  ];
  const outputs = await Promise.all(cases.map(([status, argv]) => json(status, ...argv)));
  assertShape('failure', outputs);
});

test('what is no option is no wish for JSON', async () => {
  const { out, error } = await domb(['plan', '--', '--json', 'x']);
  assert.equal(out, '');
  assert.match(error, /no use for "x"/);
});
