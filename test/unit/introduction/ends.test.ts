import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DomainInfo } from '../../../bindings/hypervisor.ts';
import { type DomainEnd, endOf, type ShutdownReason } from '../../../bindings/libxl.ts';
import type { Ends } from '../../../introduction/domain-ends.ts';
import { watchEnds } from '../../../introduction/ends.ts';
import { IntroductionError } from '../../../introduction/introduction-error.ts';
import type { MeasuredStart } from '../../../introduction/measured-start.ts';
import type { Rebuilding } from '../../../introduction/rebuilding.ts';
import { parseBootRecord } from '../../../introduction/record.ts';
import { aRecord, uuid } from './support.ts';

const gone: DomainEnd = { domid: 1, kind: 'gone' };
const stopped = (reason: ShutdownReason): DomainEnd => ({ domid: 1, kind: 'shutdown', reason });

interface Configuration {
  c_info: { domid: number; uuid: string; ssid_label: string };
}

const start: MeasuredStart = {
  seclabel: 'system_u:system_r:domU_t',
  kernel: '/c/k',
  ramdisk: '/c/r',
};
const plan = {
  ...{ kernel: 'vmlinux', ramdisk: ['r.cpio'], cmdline: 'quiet', limits: {} },
  ...{ nestedHvm: false, msrRelaxed: false, uuidFixed: false },
};
const restarting = { onReboot: 'restart', again: plan, pci: [] };
const seclabel = 'system_u:system_r:domU_t';
const pace = { saving: 1, between: 1, fast: 60_000, most: 3 };

/** What is done and said when a guest ends so, and what follows is in its record. */
async function watched(
  told: DomainEnd[],
  more: Record<string, unknown> = {},
  own: Partial<Ends> = {},
  existing: Partial<DomainInfo> = {},
  images: Partial<Rebuilding> = {},
) {
  const { domains } = parseBootRecord(JSON.stringify(aRecord(more)), 'record.json');
  const deeds: string[] = [];
  const said: string[] = [];
  const info = { domid: 1, uuid, seclabel, dying: false, ...existing };
  let now: typeof info | undefined = info;
  const configurations: Configuration[] = [];
  const ends: Ends = {
    domains: () => [{ ...info, domid: 0, uuid: '' }, ...(now ? [now] : [])] as DomainInfo[],
    mayDestroy: () => true,
    mayCreate: () => true,
    watch(domid) {
      deeds.push(`watch ${domid}`);
      return () => void deeds.push(`leave ${domid}`);
    },
    next: async () => told.shift() ?? assert.fail('nobody is left to wait for'),
    async destroy(domid) {
      deeds.push(`destroy ${domid}`);
      now = undefined;
    },
    async create(name, json) {
      const configuration = JSON.parse(json) as Configuration;
      configurations.push(configuration);
      const { uuid, domid, ssid_label } = configuration.c_info;
      now = { ...info, uuid, domid, seclabel: ssid_label };
      deeds.push(`create ${name} as ${domid}`);
      return domid;
    },
    unpause: async (domid) => void deeds.push(`unpause ${domid}`),
    ...own,
  };
  const rebuilding: Rebuilding = {
    withMeasuredStart: (_, build) => build(start),
    restarts: new Map(),
    keep: () => void deeds.push('keep'),
    ...images,
  };
  await watchEnds(domains, { ends, rebuilding }, (text) => said.push(text), pace);
  return { deeds, said, configurations, restarts: rebuilding.restarts };
}

test('a guest that has shut down is destroyed', async () => {
  const { deeds, said } = await watched([stopped('poweroff'), gone]);
  assert.deepEqual(
    { deeds, said },
    {
      deeds: ['watch 1', 'destroy 1', 'leave 1'],
      said: ['guest (domain 1) has shut down: destroyed', 'guest (domain 1) is gone'],
    },
  );
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
  assert.match(
    said[0] ?? '',
    /asks for a reboot, which it has not without "on_reboot: restart": destroyed/,
  );
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
    const { deeds, said } = await watched([], more, {}, existing);
    assert.deepEqual({ deeds, said }, { deeds: [], said: [] });
  }
});

test('a guest with "restart" is built again, paused, under its domid and label, and watched on', async () => {
  const told = [stopped('reboot'), gone, stopped('poweroff'), gone];
  const { deeds, said, configurations, restarts } = await watched(told, restarting);
  const once = ['watch 1', 'destroy 1', 'leave 1', 'create guest as 1', 'keep', 'unpause 1'];
  assert.deepEqual(deeds, [...once, 'watch 1', 'destroy 1', 'leave 1']);
  assert.match(
    said[0] ?? '',
    /^guest \(domain 1\) asks for a reboot: destroyed, to be built again$/,
  );
  assert.match(said[2] ?? '', /was built again from what was measured, and runs: [0-9a-f-]{36}$/);
  const [configuration] = configurations;
  assert.equal(configuration?.c_info.ssid_label, seclabel);
  assert.notEqual(configuration?.c_info.uuid, uuid);
  assert.deepEqual(restarts.get(1), { domid: 1, uuid: configuration?.c_info.uuid, times: 1 });
});

test('it keeps its UUID where the manifest fixes that', async () => {
  const again = { ...plan, uuidFixed: true };
  const told = [stopped('reboot'), gone, stopped('poweroff'), gone];
  const { configurations } = await watched(told, { ...restarting, again });
  assert.equal(configurations[0]?.c_info.uuid, uuid);
});

test('nobody builds again who was destroyed by hand', async () => {
  const { deeds } = await watched([gone], restarting);
  assert.deepEqual(deeds, ['watch 1', 'leave 1']);
});

test('an instance that dom0 built before is waited for, and another one is not', async () => {
  const other = uuid.replace('5', '8');
  const restarts = new Map([[1, { domid: 1, uuid: other, times: 2 }]]);
  const found = await watched([gone], restarting, {}, { uuid: other }, { restarts });
  assert.deepEqual(found.deeds, ['watch 1', 'leave 1']);
  assert.deepEqual((await watched([], restarting, {}, {}, { restarts })).deeds, []);
});

test('one that ends fast each time is given up', async () => {
  const told = Array.from({ length: 4 }, () => [stopped('reboot'), gone]).flat();
  const { deeds, said } = await watched(told, restarting);
  assert.equal(deeds.filter((deed) => deed.startsWith('create')).length, 3);
  assert.match(said.at(-2) ?? '', /not built again: 3 times in a row it ended within 60 s/);
});

test('what was not measured is not built, and that is told', async () => {
  const withMeasuredStart = async () => {
    throw new IntroductionError('guest: r.cpio is another', 'put it there');
  };
  const { deeds, said } = await watched(
    [stopped('reboot'), gone],
    restarting,
    {},
    {},
    { withMeasuredStart },
  );
  assert.ok(!deeds.some((deed) => deed.startsWith('create')));
  assert.match(said.at(-1) ?? '', /stays destroyed: guest: r.cpio is another\n {2}hint: put it/);
});

test('nor is one whom the policy does not let dom0 build', async () => {
  const { deeds, said } = await watched([stopped('reboot'), gone], restarting, {
    mayCreate: () => false,
  });
  assert.ok(!deeds.some((deed) => deed.startsWith('create')));
  assert.match(said.at(-1) ?? '', /stays destroyed: the policy lets dom0 create no system_u/);
});

test('what libxl made otherwise, or could not start, is destroyed again', async () => {
  const otherwise = await watched([stopped('reboot'), gone], restarting, { create: async () => 9 });
  assert.deepEqual(otherwise.deeds.at(-1), 'destroy 9');
  assert.match(otherwise.said.at(-1) ?? '', /libxl made guest domain 9, undefined, where domain 1/);
  const paused = await watched([stopped('reboot'), gone], restarting, {
    unpause: async () => {
      throw new IntroductionError('cannot start domain 1: no', 'try');
    },
  });
  assert.deepEqual(paused.deeds.slice(-2), ['keep', 'destroy 1']);
  assert.match(paused.said.at(-1) ?? '', /stays destroyed: cannot start domain 1/);
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
