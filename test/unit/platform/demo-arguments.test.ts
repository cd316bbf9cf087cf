import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DemoUsageError, readArguments } from '../../../platform/demo/arguments.ts';
import { demoUsage } from '../../../platform/demo/usage.ts';

const usual = {
  do: 'run',
  manifest: undefined,
  images: undefined,
  memoryMiB: 3072,
  cpus: 2,
  firmware: false,
  keep: false,
  output: undefined,
};

test('a manifest, its images, and the size of the machine', () => {
  assert.deepEqual(readArguments([]), usual);
  const argv = ['my.yaml', '--images', 'dir', '--memory', '4GiB', '--cpus=4'];
  assert.deepEqual(readArguments(argv), {
    ...usual,
    ...{ manifest: 'my.yaml', images: 'dir', memoryMiB: 4096, cpus: 4 },
  });
  assert.deepEqual(readArguments(['--firmware', '--keep']), {
    ...usual,
    firmware: true,
    keep: true,
  });
});

test('what to do with a machine that was kept', () => {
  const output = undefined;
  assert.deepEqual(readArguments(['--attach', 'dom0']), { do: 'attach', line: 'dom0', output });
  assert.deepEqual(readArguments(['--attach=xen', '--output', 'o']), {
    ...{ do: 'attach', line: 'xen', output: 'o' },
  });
  assert.deepEqual(readArguments(['--stop']), { do: 'stop', output });
});

for (const argv of [['--help'], ['-h'], ['--stop', '--help']]) {
  test(`${argv.join(' ')} is help`, () => {
    assert.deepEqual(readArguments(argv), { do: 'help' });
  });
}

const refused: Record<string, RegExp> = {
  '--imags dir': /there is no option --imags; did you mean --images\?/,
  '--frobnicate': /there is no option --frobnicate$/,
  '-k': /there is no option -k/,
  '--images': /--images needs a value/,
  '--keep=yes': /--keep takes no value/,
  '--firmware=ovmf': /--firmware takes no value/,
  '--memory 3072': /"3072" is not a size/,
  '--memory 0MiB': /"0MiB" is not a size/,
  '--cpus 0': /from 1 to 64/,
  '--cpus two': /from 1 to 64/,
  '--cpus 65': /from 1 to 64/,
  'a.yaml b.yaml': /"b\.yaml" is another/,
  '--attach domU': /there is no line "domU"/,
  '--attach dom0 --stop': /exclude each other/,
  '--stop --keep': /exclude each other/,
  '--stop --firmware': /exclude each other/,
  '--attach xen a.yaml': /leave "a\.yaml" out/,
};

for (const [argv, message] of Object.entries(refused)) {
  test(`${argv} is refused`, () => {
    assert.throws(
      () => readArguments(argv.split(' ')),
      (error) => error instanceof DemoUsageError && message.test(error.message),
    );
  });
}

test('the usage names every option that there is', () => {
  for (const name of ['images', 'memory', 'cpus', 'keep', 'output', 'attach', 'stop', 'help']) {
    assert.match(demoUsage, new RegExp(`^  --${name}[ ,]`, 'm'));
  }
});
