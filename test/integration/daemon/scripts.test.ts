import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { expectedItems } from '../../../daemon/measured-items.ts';
import type { MeasuredItem } from '../../../measurement/events.ts';
import { bootNonce } from '../../../measurement/evidence/evidence.ts';
import { verifyEvidence } from '../../../measurement/evidence/verify.ts';
import { predict } from '../../../measurement/predict.ts';
import { manifest, type Rig, rig } from './support.ts';

interface Script {
  at: string;
  source: string;
  name?: string;
  more?: string;
}

/** The usual manifest with these scripts, and a guest that they may change. */
function withScripts(...scripts: Script[]) {
  const guest = `  - name: guest
    domid: 9
    type: pv
    memory: 128MiB
    kernel: vmlinux
    seclabel: system_u:system_r:domU_t
`;
  const entries = scripts.map(
    ({ at, name = at, more = '' }) => `  - { name: ${name}, run: ${name}.ts, at: ${at}${more} }\n`,
  );
  const files = scripts.map(({ at, name = at, source }) => [`/images/${name}.ts`, source]);
  return {
    manifest: `${manifest}${guest}scripts:\n${entries.join('')}`,
    files: Object.fromEntries(files) as Record<string, string>,
  };
}

const points = ['before_planning', 'after_create', 'before_start', 'after_start'] as const;
const doing = (body: string) => `export default async (boot: any) => {\n  ${body}\n};\n`;

const domain = ({ state }: Rig, name: string) =>
  state.created.find((created) => created.name === name);

const actionsOf = ({ state }: Rig) =>
  state.bootMeasurements.events.flatMap(({ item }) =>
    item !== 'cap' && item.event === 'script-action' ? [item] : [],
  );

function assertBooted(boot: Rig): void {
  assert.equal(boot.machine.deeds.at(-1), 'halt', boot.console());
  assert.doesNotMatch(boot.console(), /FAILED/);
}

test('scripts run at their points, in order', async (t) => {
  const source = doing("boot.log(boot.point + ' ' + (await boot.domains()).length);");
  const scripts = points.map((at) => ({ at, source }));
  const boot = await rig(
    t,
    withScripts(...scripts.toReversed(), { at: 'after_create', name: 'b', source }),
  );
  await boot.run();
  assertBooted(boot);
  const said = [...boot.console().matchAll(/ {4}(\w+): (\w+) (\d)/g)].map((m) => m.slice(1));
  assert.deepEqual(said, [
    ['before_planning', 'before_planning', '1'],
    ['after_create', 'after_create', '4'],
    ['b', 'after_create', '4'],
    ['before_start', 'before_start', '4'],
    ['after_start', 'after_start', '4'],
  ]);
});

test('scripts are measured before the first one runs, and predicted; what they change is measured apart', async (t) => {
  const source = doing(`await boot.configure('guest', { memory: '256MiB', cmdline: 'quiet' });`);
  const boot = await rig(
    t,
    withScripts(
      { at: 'before_planning', source },
      { at: 'before_start', source: doing(`await boot.keepPaused('guest');`) },
    ),
  );
  await boot.run();
  assertBooted(boot);

  const { state, pcr } = boot;
  const events = state.measurements.events.flatMap(({ item }) => (item === 'cap' ? [] : [item]));
  const kinds = events.map(({ event }) => event).slice(0, 6);
  assert.deepEqual(kinds, ['daemon', 'policy', 'manifest', 'script', 'script', 'configuration']);
  const [measured] = events.filter((item) => item.event === 'script');
  assert.equal(measured?.digests.sha256, createHash('sha256').update(source).digest('hex'));

  const items: MeasuredItem[] = await expectedItems(
    state.changes.written ?? state.manifest,
    state.sources,
  );
  const { pcrs } = predict(items, state.measurements.target);
  const values = new Map([...pcrs].map(([bank, byPcr]) => [bank, byPcr.get(13)]));
  assert.deepEqual(await pcr(13), values);
  assert.equal(boot.hypervisor.images.get(9)?.cmdline, 'quiet');
  assert.equal(domain(boot, 'guest')?.memoryKiB, 256 * 1024);

  const verdict = verifyEvidence(state.evidence, {
    ...{ nonce: bootNonce(state.evidence), pcr: 13, bootPcr: 12, items },
  });
  assert.deepEqual(verdict.problems, []);
  assert.deepEqual(
    actionsOf(boot).map(({ script, action, arguments: given }) => [script, action, ...given]),
    [
      ['before_planning', 'configure', 'guest', { cmdline: 'quiet', memory: '256MiB' }],
      ['before_start', 'keepPaused', 'guest'],
    ],
  );
});

test('before planning: later changes build on earlier ones, and scripts see what is planned', async (t) => {
  const first = doing(`await boot.configure('guest', { vcpus: 2, memory: '256MiB' });`);
  const second = doing(`
  const { memoryKiB } = boot.planned.find(({ name }) => name === 'guest');
  await boot.configure('guest', { memory: \`\${memoryKiB / 512}MiB\`, ioports: ['378-37f'], irqs: [4] });`);
  const boot = await rig(
    t,
    withScripts(
      { at: 'before_planning', name: 'first', source: first },
      { at: 'before_planning', name: 'second', source: second },
    ),
  );
  await boot.run();
  assertBooted(boot);
  const created = boot.hypervisor.creations.get(9);
  assert.deepEqual([created?.vcpus, created?.memoryKiB], [2, 512 * 1024]);
  assert.deepEqual(created?.devices?.ioports, [{ first: 0x378, count: 8 }]);
});

test('before planning: the hardware domain gets what is chosen', async (t) => {
  const source = doing(`await boot.restrictHardware({
    ioports: { only: ['60', '70-71'] }, iomem: { without: ['ffc00,400'] }, irqs: { only: [1, 8] } });`);
  const boot = await rig(t, withScripts({ at: 'before_planning', source }));
  await boot.run();
  assertBooted(boot);
  const { rights } = boot.hypervisor;
  const holds = (port: number) => rights.holds('ioports', { first: port, count: 1 });
  const left = Array.from({ length: 0x10000 }, (_, port) => port).filter(holds);
  assert.deepEqual(left, [0x60, 0x70, 0x71]);
  assert.ok(rights.holds('iomem', { first: 0, count: 0xfec00 }));
  assert.ok(!rights.holds('iomem', { first: 0xfffff, count: 1 }));
  const lines = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
  assert.deepEqual(
    lines.filter((first) => rights.holds('irqs', { first, count: 1 })),
    [1, 8],
  );
  // After the domains that are given devices, before the one that gets the rest.
  const order = boot.hypervisor.calls.map(({ method, domid }) => `${method} ${domid ?? ''}`.trim());
  const creations = order.filter((call) => /^(create|restrict)/.test(call));
  assert.deepEqual(creations, ['create 32736', 'create 9', 'restrictHardware', 'create 0']);
});

test('before start: a domain that is kept paused is not started, and dom0 is told so', async (t) => {
  const boot = await rig(
    t,
    withScripts({ at: 'after_create', source: doing(`await boot.keepPaused('guest');`) }),
  );
  await boot.run();
  assertBooted(boot);
  const paused = boot.hypervisor
    .domains()
    .filter((one) => one.paused)
    .map(({ domid }) => domid);
  assert.deepEqual(paused, [9]);
  const record = Buffer.from(boot.hypervisor.handedOver.get(0) ?? []).toString('latin1');
  assert.match(record, /"name": "guest"[^}]*"autostart": false/);
});

test('a problem with a call can be handled by the script', async (t) => {
  const source = doing(`
  try {
    await boot.configure('guets', { memory: '256MiB' });
  } catch (error) {
    boot.log(error.message);
  }`);
  const boot = await rig(t, withScripts({ at: 'before_planning', source }));
  await boot.run();
  assertBooted(boot);
  assert.match(boot.console(), /there is no domain "guets": did you mean "guest"\?/);
  assert.deepEqual(actionsOf(boot), []);
});

/** What must end the boot, with what the console has to say. */
const failures: {
  name: string;
  at: string;
  body?: string;
  source?: string;
  says: RegExp;
  more?: string;
}[] = [
  {
    name: 'throws',
    at: 'after_create',
    body: `throw new RangeError('too few');`,
    says: /after_create\.ts:2:9: RangeError: too few/,
  },
  {
    name: 'rejects later',
    at: 'before_start',
    body: `await Promise.reject(new Error('no'));`,
    says: /before_start\.ts:2:24: no/,
  },
  {
    name: 'refuses',
    at: 'after_start',
    body: `boot.refuse('wrong machine', 'take another');`,
    says: /after_start\.ts:2:8: the script refuses the boot: wrong machine\n.*what to do: take another/,
  },
  {
    name: 'hangs',
    at: 'before_planning',
    body: 'while (true);',
    more: ', timeout: 1s',
    says: /before_planning\.ts: it did not end within 1 s/,
  },
  {
    name: 'waits for nothing',
    at: 'before_planning',
    body: 'await new Promise(() => {});',
    says: /waits for something that never happens/,
  },
  {
    name: 'fills the memory',
    at: 'before_planning',
    body: 'const a = []; for (;;) a.push(new Array(1000).fill(7));',
    says: /more than 64 MiB/,
  },
  {
    name: 'syntax error',
    at: 'after_start',
    source: 'export default async () => {\n  const x = ;\n};',
    says: /step "check scripts" failed: .*after_start\.ts:2: SyntaxError/,
  },
  {
    name: 'TypeScript that is more than types',
    at: 'after_start',
    source: 'enum A { B }\nexport default 1;',
    says: /after_start\.ts:1: .*enum is not supported/,
  },
  {
    name: 'import',
    at: 'after_start',
    source: "import fs from 'node:fs';\nexport default () => fs;",
    says: /it imports "node:fs"/,
  },
  { name: 'no export', at: 'after_start', source: 'const a = 1;', says: /no default export/ },
  {
    name: 'unknown domain',
    at: 'before_planning',
    body: `await boot.configure('nobody', { vcpus: 1 });`,
    says: /before_planning\.ts:2:14: there is no domain "nobody"/,
  },
  {
    name: 'not a domain',
    at: 'before_start',
    body: 'await boot.keepPaused(9);',
    says: /2:14: 9 is no name of a domain/,
  },
  {
    name: 'unknown property',
    at: 'before_planning',
    body: `await boot.configure('guest', { memmory: '1GiB' });`,
    says: /there is no "memmory" to change: did you mean "memory"\?/,
  },
  {
    name: 'property that is not for scripts',
    at: 'before_planning',
    body: `await boot.configure('guest', { seclabel: 'a:b:c' });`,
    says: /there is no "seclabel" to change/,
  },
  {
    name: 'wrong type',
    at: 'before_planning',
    body: `await boot.configure('guest', { memory: 256 });`,
    says: /2:14: a manifest could not say that: domains\[2\]\.memory: .*expected a whole number with the unit/,
  },
  {
    name: 'what a manifest refuses',
    at: 'before_planning',
    body: `await boot.configure('dom0', { ioports: ['80'] });`,
    says: /domains\[1\]\.ioports: the hardware domain has everything/,
  },
  {
    name: 'no argument',
    at: 'before_planning',
    body: 'await boot.configure();',
    says: /it takes the name of a domain and an object/,
  },
  {
    name: 'empty change',
    at: 'before_planning',
    body: `await boot.configure('guest', {});`,
    says: /nothing is changed: give memory/,
  },
  {
    name: 'no JSON',
    at: 'before_planning',
    body: `await boot.configure('guest', { vcpus: 1n });`,
    says: /2:14: TypeError: Do not know how to serialize a BigInt/,
  },
  {
    name: 'a call that is not awaited',
    at: 'before_planning',
    body: `boot.configure('nobody', { vcpus: 1 });`,
    says: /2:8: there is no domain "nobody"/,
  },
  {
    name: 'wrong point',
    at: 'after_start',
    body: `await boot.keepPaused('guest');`,
    says: /keepPaused is for scripts at after_create and before_start; this one runs at after_start/,
  },
  {
    name: 'hardware domain kept paused',
    at: 'before_start',
    body: `await boot.keepPaused('dom0');`,
    says: /dom0 has the hardware/,
  },
  {
    name: 'ports of no form',
    at: 'before_planning',
    body: `await boot.restrictHardware({ ioports: { only: ['0x60'] } });`,
    says: /ioports: "0x60" can't stand here/,
  },
  {
    name: 'both kinds of choice',
    at: 'before_planning',
    body: `await boot.restrictHardware({ irqs: { only: [1], without: [2] } });`,
    says: /exclude each other/,
  },
  {
    name: 'only some memory',
    at: 'before_planning',
    body: `await boot.restrictHardware({ iomem: { only: ['a0,1'] } });`,
    says: /there is no "only" to change/,
  },
  {
    name: 'choice made twice',
    at: 'before_planning',
    body: `for (const _ of [1, 2]) await boot.restrictHardware({ irqs: { only: [1] } });`,
    says: /irqs were chosen before/,
  },
  {
    name: 'port that Xen keeps',
    at: 'before_planning',
    body: `await boot.restrictHardware({ ioports: { only: ['20'] } });`,
    says: /step "restrict hardware" failed: .*I\/O ports 20\b/,
  },
  {
    name: 'memory that Xen keeps',
    at: 'before_planning',
    body: `await boot.restrictHardware({ iomem: { without: ['feb00,200'] } });`,
    says: /pages of I\/O memory feb00 to fecff/,
  },
  {
    name: 'too much text',
    at: 'after_create',
    body: `for (;;) boot.log('x'.repeat(1000));`,
    says: /logs more than/,
  },
  {
    name: 'other digest',
    at: 'after_start',
    body: '',
    more: `, digest: "sha256:${'0'.repeat(64)}"`,
    says: /step "measure script after_start" failed: .*script after_start \(image after_start\.ts\): digest mismatch/,
  },
];

describe('a script that fails ends the boot', () => {
  for (const { name, at, body = '', source = doing(body), says, more = '' } of failures) {
    test(name, async (t) => {
      const boot = await rig(t, withScripts({ at, source, more }));
      await boot.run();
      assert.match(boot.console(), says);
      assert.match(boot.console(), /what to do: \S/);
      assert.equal(boot.machine.deeds.at(-1), 'halt');
      const running = boot.hypervisor
        .domains()
        .filter(({ domid, paused }) => domid !== boot.bootDomid && !paused);
      assert.ok(running.length === 0 || boot.hypervisor.ended === 'halt');
      const { events } = boot.state.measurements;
      assert.equal(events.at(-1)?.item, 'cap');
      // After the cap nothing can be measured; before it the failure is.
      const last = events.at(-2)?.item;
      const failed = typeof last === 'object' && last.event === 'error';
      assert.equal(failed, !/phase "after start"/.test(boot.console()));
    });
  }
});

test('what was measured and then fails cannot be caught', async (t) => {
  const source = doing(`try { await boot.keepPaused('guest'); } catch {}`);
  const boot = await rig(t, withScripts({ at: 'after_create', source }));
  boot.tpm.loses = (command) =>
    command === 'PCR_Extend' && boot.state.created.length === 3 && !boot.state.evidenceIfQuoted;
  await boot.run();
  assert.match(boot.console(), /step "run script after_create" failed/);
});

test('a script that is missing from the boot image', async (t) => {
  const { manifest: text } = withScripts({ at: 'after_start', source: '' });
  const boot = await rig(t, { manifest: text });
  await boot.run();
  assert.match(boot.console(), /\/images\/after_start\.ts: no such file/);
});
