import assert from 'node:assert/strict';
import { test } from 'node:test';
import { manifest, recoverable, rig } from './support.ts';

const lines = (console: string) =>
  console
    .trimEnd()
    .split('\n')
    .map((line) => line.replace(/^domb: +\S+ /, ''));

test('each phase says which of how many it is, and each step that it begins', async (t) => {
  const boot = await rig(t, { manifest: `platform: { timeout: 90s }\n${manifest}` });
  await boot.run();
  const said = lines(boot.console());
  const phases = said.flatMap((line) => /^phase "(.+)" \((.+)\): \d+ steps?$/.exec(line) ?? []);
  assert.deepEqual(
    phases.filter((_, index) => index % 3 > 0).join('; '),
    [
      ...['bring up; 1 of 3 before the manifest', 'open; 2 of 3 before the manifest'],
      ...['read; 3 of 3 before the manifest', 'check; 4 of 13', 'measure; 5 of 13'],
      ...['identify; 6 of 13', 'create; 7 of 13', 'build; 8 of 13', 'read back; 9 of 13'],
      ...['seal; 10 of 13', 'hand over; 11 of 13', 'start; 12 of 13', 'leave; 13 of 13'],
    ].join('; '),
  );
  for (const { step } of boot.state.timeline.entries) {
    const begins = said.indexOf(`  ${step} ...`);
    const done = said.findIndex((line) => line.startsWith(`  ${step}: `));
    assert.ok(begins >= 0, `${step} begins`);
    assert.ok(done > begins, `${step} is done`);
  }
});

test('a boot that hangs has named the step that hangs, on the console and in the log', async (t) => {
  const boot = await rig(t);
  const hanging = new Promise<void>((resolve) => {
    boot.hypervisor.build = () => {
      resolve();
      return new Promise(() => {});
    };
  });
  void boot.run();
  await hanging;
  assert.equal(lines(boot.console()).at(-1), '  build vtpm ...');
  const record: unknown = JSON.parse(boot.state.log.text().trimEnd().split('\n').at(-1) ?? '');
  assert.partialDeepStrictEqual(record, { phase: 'build', step: 'build vtpm' });
});

test('the limit of the watchdog is told when it is set', async (t) => {
  const boot = await rig(t, { manifest: `platform: { timeout: 90s }\n${manifest}` });
  await boot.run();
  const limit =
    /(\d+\.\d+) {3}set watchdog: 90 s left: Xen reboots the machine at (\d+\.\d+) /.exec(
      boot.console(),
    );
  assert.ok(limit, boot.console());
  // The rig's clock goes on by a millisecond each time it is asked.
  const [, now, end] = limit.map(Number);
  assert.ok(Math.abs(Number(end) - Number(now) - 90) < 0.01);
});

test('the console has ASCII only, which is what Xen shows once domain 0 exists', async (t) => {
  const boot = await rig(t, {
    manifest: manifest.replace('kernel: vmlinux', 'kernel: "vmlinüx\\u202e"'),
  });
  await boot.run();
  assert.match(boot.console(), /vmlin\?x\?/);
  assert.match(boot.console(), /Name [0-9a-f]{20}\.\.\.|sha256:[0-9a-f]{16}\.\.\./);
  assert.doesNotMatch(boot.console(), /[^\n\x20-\x7e]/);
});

test('a recovery counts its own phases', async (t) => {
  const boot = await rig(t, {
    manifest: recoverable,
    files: { '/images/dom0.cpio': undefined },
  });
  await boot.run();
  const said = lines(boot.console());
  assert.ok(said.includes('phase "arm" (4 of 14): 6 steps'), boot.console());
  assert.ok(said.includes('phase "clear away" (1 of 4): 0 steps'), boot.console());
  assert.ok(said.includes('phase "leave" (4 of 4): 1 step'), boot.console());
});
