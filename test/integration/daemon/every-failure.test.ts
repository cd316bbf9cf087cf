import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { failFileCalls } from '../../lib/faulty-files.ts';
import { assertOneEnd, type End } from './ends.ts';
import { type Rig, recoverable, rig } from './support.ts';

/**
 * A failure of every single call that a boot makes to the hypervisor, the TPM, the machine and the log, before or after the
 * call did its work: the boot ends in its recovery domain or with the machine, with nothing else left and no good value in
 * the PCR.
 */

/** Counts the calls across an interface and makes one of them fail. */
class Calls {
  readonly names: string[] = [];
  /** The number of the call to fail, from 0, and whether it does its work first. */
  failing: { at: number; done: boolean } | undefined;

  between = <T extends object>(what: string, inner: T): T =>
    new Proxy(inner, {
      get: (target, key) => {
        const member = Reflect.get(target, key, target);
        // Ending the machine is what no failure can stop.
        if (typeof member !== 'function' || key === 'end') return member;
        return (...given: unknown[]) =>
          this.#call(`${what}.${String(key)}`, () => member.apply(target, given));
      },
    });

  #call(name: string, work: () => unknown): unknown {
    const at = this.names.push(name) - 1;
    if (this.failing?.at !== at) return work();
    const failed = () => new Error(`${name} fails in this test`);
    if (!this.failing.done) throw failed();
    const result = work();
    if (!(result instanceof Promise)) throw failed();
    return result.then(() => {
      throw failed();
    });
  }
}

async function boot(t: TestContext, manifest: string, failing?: Calls['failing']) {
  const calls = new Calls();
  calls.failing = failing;
  const made = await rig(t, { manifest, between: calls.between });
  await made.run();
  const names = [...calls.names];
  calls.failing = undefined;
  return { made, names };
}

/** How many calls end how. */
class Ends {
  readonly #counts = new Map<End, number>();
  /** The steps that were seen to fail. */
  readonly steps = new Set<string>();

  async add(made: Rig, note: string): Promise<End> {
    let end: End;
    try {
      end = await assertOneEnd(made);
    } catch (error) {
      throw new Error(note, { cause: error });
    }
    this.#counts.set(end, this.of(end) + 1);
    const step = made.state.failure?.step;
    if (step !== undefined) this.steps.add(step);
    return end;
  }

  of(end: End): number {
    return this.#counts.get(end) ?? 0;
  }
}

/** Steps that make no calls. */
const withoutCalls = new Set(['read manifest', 'arm rescue']);

for (const done of [false, true]) {
  test(`every call of a boot fails once, ${done ? 'after' : 'before'} it did its work`, async (t) => {
    const { names, made } = await boot(t, recoverable);
    assert.equal(await assertOneEnd(made), 'good');
    const ends = new Ends();
    for (const [at, name] of names.entries()) {
      const { made: failed } = await boot(t, recoverable, { at, done });
      const end = await ends.add(failed, `call ${at}, ${name}\n${failed.console()}`);
      assert.notEqual(end, 'good', name);
    }
    assert.ok(ends.of('recovered') >= 10, `${ends.of('recovered')} recovered`);
    assert.ok(ends.of('ended') > 10, `${ends.of('ended')} ended`);
    const steps = made.state.timeline.entries.map(({ step }) => step);
    assert.deepEqual(
      steps.filter((step) => !ends.steps.has(step)),
      steps.filter((step) => withoutCalls.has(step)),
      'every step was seen to fail',
    );
  });

  test(`every call of a recovery fails once, ${done ? 'after' : 'before'} it did its work`, async (t) => {
    for (const [broken, place] of [
      [recoverable.replace('ramdisk: vtpm.cpio', 'ramdisk: missing'), 'free'],
      [
        recoverable.replace(
          'kernel: vmlinux\n    ramdisk: vtpm',
          'kernel: rescue.cpio\n    ramdisk: vtpm',
        ),
        'empty',
      ],
    ] as const) {
      const { names, made } = await boot(t, broken);
      assert.equal(await assertOneEnd(made), 'recovered');
      const start = made.state.timeline.entries.findIndex(({ phase }) => phase === 'clear away');
      assert.equal(
        made.hypervisor.calls.some(({ method }) => method === 'reuse'),
        place === 'empty',
      );
      const first = firstOfRecovery(names, place);
      assert.ok(first > start);
      const ends = new Ends();
      for (let at = first; at < names.length; at++) {
        const { made: failed } = await boot(t, broken, { at, done });
        const note = `call ${at}, ${names[at]}\n${failed.console()}`;
        assert.equal(await ends.add(failed, note), 'ended', note);
        assert.match(failed.console(), /no recovery: |the recovery failed, too: /);
      }
    }
  });
}

/** The first call after the failure: the hypervisor is asked what there is, for a second time in a row. */
function firstOfRecovery(names: readonly string[], place: 'free' | 'empty'): number {
  const last = place === 'free' ? 'machine.takeFile' : 'hypervisor.build';
  const failing = names.indexOf(last, names.lastIndexOf('hypervisor.check'));
  const at = names.indexOf('hypervisor.domains', failing);
  assert.notEqual(at, -1);
  return at;
}

test('whichever write to the logs fails, for once or for good, the register is spoiled', async (t) => {
  let total = 0;
  const ends = new Ends();
  for (let at = 0; at <= total; at += at === 0 ? 1 : 7) {
    for (const forGood of [false, true]) {
      const made = await rig(t, { manifest: recoverable });
      const restore = failFileCalls(t, (_, count) => {
        if (at === 0) total = count;
        return at > 0 && (forGood ? count >= at : count === at);
      });
      await made.run();
      restore();
      const end = await ends.add(made, `write ${at}\n${made.console()}`);
      // A log that cannot be written is no ground for a recovery.
      assert.equal(end, at === 0 ? 'good' : 'ended', made.console());
    }
  }
  assert.ok(ends.of('ended') > 30);
});
