import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DomainInfo } from '../../../bindings/hypervisor.ts';
import { type DomainEnd, endOf, type ShutdownReason } from '../../../bindings/libxl.ts';
import { type Ends, watchEnds } from '../../../introduction/ends.ts';
import { IntroductionError } from '../../../introduction/introduction-error.ts';
import { parseBootRecord } from '../../../introduction/record.ts';
import { aRecord, uuid } from './support.ts';

const gone: DomainEnd = { domid: 1, kind: 'gone' };
const stopped = (reason: ShutdownReason): DomainEnd => ({ domid: 1, kind: 'shutdown', reason });

/** What is done and said when a guest ends so, and what follows is in its record. */
async function watched(
  told: DomainEnd[],
  more: Record<string, unknown> = {},
  own: Partial<Ends> = {},
  existing: Partial<DomainInfo> = {},
) {
  const { domains } = parseBootRecord(JSON.stringify(aRecord(more)), 'record.json');
  const deeds: string[] = [];
  const said: string[] = [];
  const info = { domid: 1, uuid, seclabel: 'system_u:system_r:domU_t', dying: false, ...existing };
  const ends: Ends = {
    domains: () => [{ ...info, domid: 0, uuid: '' }, info] as DomainInfo[],
    mayDestroy: () => true,
    watch(domid) {
      deeds.push(`watch ${domid}`);
      return () => void deeds.push(`leave ${domid}`);
    },
    next: async () => told.shift() ?? assert.fail('nobody is left to wait for'),
    destroy: async (domid) => void deeds.push(`destroy ${domid}`),
    ...own,
  };
  await watchEnds(domains, ends, (text) => said.push(text), 1);
  return { deeds, said };
}

test('a guest that has shut down is destroyed', async () => {
  assert.deepEqual(await watched([stopped('poweroff'), gone]), {
    deeds: ['watch 1', 'destroy 1', 'leave 1'],
    said: ['guest (domain 1) has shut down: destroyed', 'guest (domain 1) is gone'],
  });
});

test('each kind of end has its key, and "preserve" leaves the guest', async () => {
  const keys = {
    ...{ poweroff: 'onPoweroff', reboot: 'onReboot', soft_reset: 'onReboot' },
    ...{ crash: 'onCrash', watchdog: 'onCrash' },
  };
  for (const [reason, key] of Object.entries(keys) as [ShutdownReason, string][]) {
    const kept = await watched([stopped(reason), gone], { [key]: 'preserve' });
    assert.deepEqual(kept.deeds, ['watch 1', 'leave 1'], reason);
    assert.match(kept.said[0] ?? '', /: it stays until "xl destroy 1"$/);
    const { deeds } = await watched([stopped(reason), gone]);
    assert.ok(deeds.includes('destroy 1'), reason);
  }
});

test('who asks for a reboot is told that there is none', async () => {
  const { said } = await watched([stopped('reboot'), gone]);
  assert.match(said[0] ?? '', /asks for a reboot, which no boot domain can have: destroyed/);
});

test('one that is being saved is left alone, and watched on', async () => {
  const told = [stopped('suspend')];
  const { deeds } = await watched(
    [],
    {},
    {
      async next() {
        const next = told.shift();
        if (next !== undefined) return next;
        await new Promise((done) => setTimeout(done, 50));
        return gone;
      },
    },
  );
  assert.deepEqual(deeds, ['watch 1', 'leave 1', 'watch 1', 'leave 1']);
});

test('whom the policy does not let dom0 destroy it does not try to', async () => {
  const { deeds, said } = await watched([stopped('crash'), gone], {}, { mayDestroy: () => false });
  assert.ok(!deeds.includes('destroy 1'));
  assert.match(said[0] ?? '', /it stays: the policy lets dom0 destroy no system_u:system_r:domU_t/);
});

test('what fails is told, and the others are waited for', async () => {
  const { said } = await watched(
    [stopped('poweroff'), gone],
    {},
    {
      destroy: async () => {
        throw new IntroductionError('cannot destroy domain 1: busy', 'try "xl destroy 1"');
      },
    },
  );
  assert.match(said[0] ?? '', /cannot destroy domain 1: busy\n {2}hint: try/);
  assert.equal(said.length, 2);
});

test('nobody waits for who has no xenstore, is gone, or is somebody else by now', async () => {
  for (const [more, existing] of [
    [{ xenstore: undefined }, {}],
    [{}, { dying: true }],
    [{}, { domid: 2 }],
    [{}, { uuid: uuid.replace('5', '7') }],
  ] as const) {
    assert.deepEqual(await watched([], more, {}, existing), { deeds: [], said: [] });
  }
});

test("an end is read from libxl's text of the event", () => {
  const text = (more: object) => JSON.stringify({ domid: 7, domuuid: uuid, ...more });
  const shutdown = (content: object) => text({ 'type.domain_shutdown': content });
  const stop = { domid: 7, kind: 'shutdown' };
  assert.deepEqual(endOf(shutdown({})), { ...stop, reason: 'poweroff' });
  assert.deepEqual(endOf(shutdown({ shutdown_reason: 3 })), { ...stop, reason: 'crash' });
  assert.deepEqual(endOf(shutdown({ shutdown_reason: 255 })), { ...stop, reason: 'crash' });
  assert.deepEqual(endOf(text({ 'type.domain_death': {} })), { domid: 7, kind: 'gone' });
});
