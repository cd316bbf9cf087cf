import assert from 'node:assert/strict';
import { test } from 'node:test';
import { boot, exampleManifest, failedChecks, parts } from './support.ts';

test('what a manifest says of the processor and of a PC is what guests find', async (t) => {
  const name = 'processors';
  const run = await boot(name, await exampleManifest(name), {
    parts: await parts(),
    awaited: [/guest careful: alive/, /guest growing: alive/, /guest pc: alive/],
  });
  assert.deepEqual(failedChecks(run), []);
  const { consoleText } = run;
  /** What a guest said, in order. */
  const said = (guest: string): string[] =>
    [...consoleText.matchAll(new RegExp(`guest ${guest}: (.*)`, 'g'))].map(([, what = '']) => what);
  const flags = (guest: string) =>
    said(guest).find((line) => line.startsWith('of the flags')) ?? assert.fail(guest);

  await t.test('cpuid: what is hidden is gone, and nothing else', () => {
    assert.equal(flags('careful'), 'of the flags pni,cx16,sse2 the CPU has: sse2');
    assert.match(flags('growing'), /the CPU has: cx16 svm$/);
    assert.match(flags('pc'), /the CPU has: pni cx16$/);
  });

  await t.test('nestedhvm: only who asked for it sees the virtualization', () => {
    assert.match(flags('growing'), / svm$/);
    assert.doesNotMatch(flags('pc'), /has:.* svm/);
  });

  await t.test('msr_relaxed: a register that Xen does not know reads as 0, and else faults', () => {
    assert.ok(said('careful').includes('register 508 reads 0000000000000000'));
    assert.ok(said('growing').includes('register 508 reads a fault'));
  });

  await t.test('maxvcpus: the domain starts with vcpus and brings up the others', () => {
    assert.ok(said('growing').includes('processors: possible 0-2, present 0-2, online 0'));
    assert.ok(said('growing').includes('brought up: online 0-2, 3 in use'));
    const recorded = run.record.domains.find((domain) => domain.name === 'growing');
    assert.deepEqual([recorded?.vcpus, recorded?.maxVcpus], [1, 3]);
  });

  await t.test('hvm: a kernel finds and uses timers, clock and interrupt controllers', () => {
    const pc = said('pc');
    for (const clock of ['xen', 'hpet', 'acpi_pm']) {
      assert.ok(
        pc.some((line) => new RegExp(`^clock ${clock} went on by ([2-9]|\\d\\d+) s`).test(line)),
        `${clock}: ${pc.join('\n')}`,
      );
    }
    assert.ok(pc.some((line) => /^real-time clock rtc_cmos.*: 20\d\d-/.test(line)));
    const alarm = pc.find((line) => line.startsWith('alarm:'));
    const [before, after] =
      /clock (\d+), then (\d+)/
        .exec(alarm ?? '')
        ?.slice(1)
        .map(Number) ?? [];
    assert.ok((after ?? 0) > (before ?? 0), alarm);
    assert.ok(pc.some((line) => /^interrupt +0: .*IO-APIC .*timer/.test(line)));
    assert.ok(pc.some((line) => /^interrupt +9: .*acpi/.test(line)));
  });
});
