import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseEventLog } from '../../../measurement/event-log/parse.ts';
import { assertOneEnd } from './ends.ts';
import { manifest, recoverable, rig } from './support.ts';

/** The manifest of the rig, with faults in both domains and in two more. */
const faulty = `${manifest
  .replace('system_r:vtpm_t', 'system_r:nobody_t')
  .replace('memory: 512MiB', 'memory: 8GiB')}  - name: driver
    domid: 20
    type: pv
    memory: 64MiB
    cpus: 0-3
    kernel: vmlinux
    seclabel: system_u:system_r:domU_t
    cpuid: host,avx=1,sse=1,avx2=1
    max_grant_frames: 65
    ioports: ["300-307", "3f8-3ff"]
  - name: good
    domid: 21
    type: pv
    memory: 64MiB
    kernel: vmlinux
    seclabel: system_u:system_r:domU_t
`;

test('one boot tells everything that this Xen cannot give, of all domains', async (t) => {
  const boot = await rig(t, { manifest: faulty });
  await boot.run();
  const told = boot
    .console()
    .split('\n')
    .filter((line) => line.includes('FAILED: '))
    .map((line) => line.replace(/.*FAILED: /, ''));
  const expected: RegExp[] = [
    /^phase "check" failed with 7 problems$/,
    /^step "check memory" failed: the domains need .*dom0 8192MiB/,
    /^what to do: lower the domains' memory/,
    /^step "check vtpm" failed: cannot resolve the label system_u:system_r:nobody_t: .*EINVAL/,
    /^what to do: use a label that the FLASK policy defines/,
    /^step "check driver" failed: cannot create domain 20 \("driver"\): there is no CPU 2, 3/,
    /^what to do: Xen runs domains on the CPUs 0-1;/,
    /^step "check driver" failed: .*64 grant frames, and it wants 65/,
    /^what to do: ask for less, or raise gnttab_max_frames=/,
    /^step "check driver" failed: .*no right to the I\/O ports 3f8-3ff/,
    /^what to do: Xen keeps it/,
    /^step "check driver" failed: .*the CPU feature avx:/,
    /^what to do: leave this feature out/,
    /^step "check driver" failed: .*the CPU feature avx2:/,
    /^what to do: leave this feature out/,
    /^PCR 13 is capped with an error event/,
    /^PCR 12 is capped/,
    /^the machine halts/,
  ];
  assert.equal(told.length, expected.length, told.join('\n'));
  for (const [index, line] of told.entries()) assert.match(line, expected[index] ?? /^$/);
  assert.equal(await assertOneEnd(boot), 'ended');
  assert.deepEqual([...boot.hypervisor.creations.keys()], [], 'nothing was created');
  // The domains without a fault were checked, too.
  assert.match(boot.console(), / {2}check good: domid 21 is free/);

  const { failure } = boot.state;
  assert.equal(failure?.phase, 'check');
  assert.equal(failure?.step, undefined);
  assert.deepEqual(
    failure?.problems?.map(({ step, domain }) => [step, domain]),
    [
      ['check memory', undefined],
      ['check vtpm', 'vtpm'],
      ...Array.from({ length: 5 }, () => ['check driver', 'driver']),
    ],
  );
  // All of it is in the log that a verifier reads.
  const { events } = parseEventLog(boot.state.measurements.bytes());
  const error = events.at(-2)?.data.toString('latin1') ?? '';
  assert.match(error, /"event":"error","phase":"check"/);
  assert.match(error, /nobody_t.*no CPU 2, 3.*avx2/);
  assert.doesNotMatch(error, /"domain":/);
});

test('several faults of one domain, and it is named in the log', async (t) => {
  const boot = await rig(t, {
    manifest: manifest.replace('name: vtpm\n', '$&    cpus: 9\n    max_grant_frames: 65\n'),
  });
  await boot.run();
  assert.match(boot.console(), /phase "check" failed with 2 problems/);
  const { events } = parseEventLog(boot.state.measurements.bytes());
  assert.match(events.at(-2)?.data.toString('latin1') ?? '', /"domain":"vtpm"/);
});

test('a check that breaks does not hide what the others find', async (t) => {
  const boot = await rig(t, { manifest: faulty });
  boot.hypervisor.failAt = { method: 'check', domid: 0x7fe0, errno: 'EIO' };
  await boot.run();
  assert.match(boot.console(), /step "check vtpm" failed: .*EIO/);
  assert.match(boot.console(), /step "check driver" failed: .*there is no CPU 2, 3/);
});

test('what several faulty domains want after a failure holds where they agree, else the platform', async (t) => {
  const ends = (vtpm: string, guest: string, platform = 'halt') => {
    const wishing = (name: string, wish: string) =>
      `name: ${name}\n    cpus: 9\n${wish && `    on_failure: ${wish}\n`}`;
    return `${manifest
      .replace('version: 2\n', `version: 2\nplatform: { on_failure: ${platform} }\n`)
      .replace('name: vtpm\n', wishing('vtpm', vtpm))}  - ${wishing('guest', guest)}    domid: 20
    type: pv
    memory: 64MiB
    kernel: vmlinux
    seclabel: system_u:system_r:domU_t
`;
  };
  const cases = [
    [ends('reboot', 'reboot'), 'reboot'],
    [ends('reboot', 'halt'), 'halt'],
    [ends('reboot', ''), 'halt'],
    [ends('halt', 'reboot', 'reboot'), 'reboot'],
  ] as const;
  for (const [text, end] of cases) {
    const boot = await rig(t, { manifest: text });
    await boot.run();
    assert.match(boot.console(), /phase "check" failed with 2 problems/);
    assert.equal(boot.machine.deeds.at(-1), end, boot.console());
  }
});

test('a recovery domain finds all problems in the hand-over', async (t) => {
  const text = recoverable.replace('name: vtpm\n', '$&    cpus: 9\n    max_grant_frames: 65\n');
  const boot = await rig(t, { manifest: text });
  await boot.run();
  assert.equal(await assertOneEnd(boot), 'recovered');
  const archive = Buffer.from(boot.hypervisor.handedOver.get(0) ?? []).toString('latin1');
  assert.match(
    archive,
    /phase "check" failed with 2 problems\nstep "check vtpm" failed: .*no CPU 9\nwhat to do: .*\nstep "check vtpm" failed: .*64 grant frames, and it wants 65.*\nwhat to do: .*\n/,
  );
});

test('what the recovery domain cannot have is told together with what the others cannot', async (t) => {
  const text = recoverable
    .replace('name: vtpm\n', '$&    cpus: 9\n')
    .replace('memory: 256MiB', 'memory: 64GiB');
  const boot = await rig(t, { manifest: text });
  await boot.run();
  assert.match(
    boot.console(),
    /FAILED: phase "check" failed with 2 problems\n.*step "check rescue" failed: rescue needs 65544MiB.*\n.*what to do: .*\n.*step "check vtpm" failed: .*no CPU 9/,
  );
  assert.match(boot.console(), /no recovery: rescue was not measured by then/);
  assert.equal(await assertOneEnd(boot), 'ended');

  // A boot script may change what the others want, so nothing is known of them yet.
  const scripted = await rig(t, {
    manifest: `${text}scripts: [{ name: a, run: a.js, at: before_planning }]\n`,
    files: { '/images/a.js': 'export default () => {};' },
  });
  await scripted.run();
  assert.match(scripted.console(), /phase "arm", step "check rescue" failed: rescue needs/);
  assert.doesNotMatch(scripted.console(), /check vtpm/);
});
