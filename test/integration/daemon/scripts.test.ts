import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { pcrExtend, Tpm } from 'node-tpm2-pts';
import { expectedItems } from '../../../daemon/plan/measured-items.ts';
import { encodeEvent, encodeHeader } from '../../../measurement/event-log/write.ts';
import type { MeasuredItem } from '../../../measurement/events.ts';
import { machineFacts } from '../../../measurement/evidence/script-actions.ts';
import { verifyEvidence } from '../../../measurement/evidence/verify.ts';
import { predict } from '../../../measurement/predict.ts';
import { wrongIn } from '../../lib/verdict.ts';
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
    ...{ nonce: 'boot', pcr: 13, bootPcr: 12, items },
  });
  assert.deepEqual(wrongIn(verdict), []);
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
  assert.ok(rights.holds('iomem', { first: 0xc0000, count: 0x3ec00 }));
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

/** A table of SMBIOS with a system and no strings but its vendor. */
const smbios = Buffer.from(`0108000001000000${Buffer.from('Maker').toString('hex')}0000`, 'hex');
/** Windows of configuration space: one bus at 0xb0000000. */
const mcfg = Buffer.concat([
  Buffer.alloc(44),
  Buffer.from('000000b0000000000000000000000000', 'hex'),
]);
const machineFiles = {
  '/sys/firmware/dmi/tables/DMI': smbios,
  '/sys/firmware/acpi/tables/MCFG': mcfg,
  '/proc/cpuinfo': 'processor\t: 0\nmicrocode\t: 0xa0011d1\n',
};
const memory = new Map([
  [0xb000_0000, 0x29c0_8086],
  [0xb000_0008, 0x0600_0002],
  [0xb000_000c, 0],
]);

const factsOf = ({ state }: Rig) =>
  state.bootMeasurements.events.flatMap(({ item }) =>
    item !== 'cap' && item.event === 'machine-fact' ? [item] : [],
  );

test('what a script reads of the machine is measured, once, and nothing else is', async (t) => {
  const first = doing(`const { microcode, smbios } = boot.host;
  boot.log([microcode, smbios.vendor, boot.host.microcode, boot.host.xen].join(' '));
  await boot.configure('guest', { vcpus: 2 });`);
  const second = doing(`const { pci, microcode } = boot.host;
  boot.log(JSON.stringify(pci) + microcode + typeof boot.host.secureBoot);
  try { pci.push(1); } catch { boot.log('frozen'); }`);
  const last = doing(`boot.log(boot.host.microcode);
  try { boot.log(boot.host.tpm); } catch (error) { boot.log(error.message); }`);
  const scripts = withScripts(
    { at: 'before_planning', name: 'first', source: first },
    { at: 'before_start', name: 'second', source: second },
    { at: 'after_start', name: 'last', source: last },
  );
  const boot = await rig(t, { ...scripts, files: { ...scripts.files, ...machineFiles }, memory });
  await boot.run();
  assertBooted(boot);
  assert.match(boot.console(), /first: a0011d1 Maker a0011d1 4\.17/);
  const device = { address: '0000:00:00.0', vendor: '8086', device: '29c0', class: '060000' };
  assert.ok(boot.console().includes(`second: ${JSON.stringify([device])}a0011d1undefined`));
  assert.match(boot.console(), /second: frozen/);
  assert.match(boot.console(), /last: a0011d1\n/);
  assert.match(
    boot.console(),
    /last: boot\.host\.tpm is measured when it is read, and nothing can be/,
  );
  assert.deepEqual(
    factsOf(boot).map(({ script, fact }) => [script, fact]),
    [
      ['first', 'microcode'],
      ['first', 'smbios'],
      ['second', 'pci'],
      ['second', 'secureBoot'],
    ],
  );
  assert.deepEqual(
    factsOf(boot)
      .map(({ value }) => value)
      .slice(2),
    [[device], null],
  );
  // What it read comes before what it did about that.
  const order = boot.state.bootMeasurements.events.map(({ item }) => item !== 'cap' && item.event);
  assert.deepEqual(order.slice(0, 3), ['machine-fact', 'machine-fact', 'script-action']);

  const { state } = boot;
  const items = await expectedItems(state.changes.written ?? state.manifest, state.sources);
  const verdict = verifyEvidence(state.evidence, {
    ...{ nonce: 'boot', pcr: 13, bootPcr: 12, items },
  });
  assert.deepEqual(wrongIn(verdict), []);
  assert.deepEqual(machineFacts(verdict.bootEvents ?? []), [
    'by script first: microcode "a0011d1"',
    'by script first: smbios {"bios":{"date":"","vendor":"","version":""},"product":"","serial":"","uuid":"","vendor":"Maker","version":""}',
    'by script second: pci [{"address":"0000:00:00.0","class":"060000","device":"29c0","vendor":"8086"}]',
    'by script second: secureBoot is not known',
  ]);
});

test('a machine that does not tell is no failure, and the log says why', async (t) => {
  const source = doing(
    `boot.log([typeof boot.host.smbios, typeof boot.host.pci, boot.host.tpm.manufacturer].join(' '));`,
  );
  const boot = await rig(t, withScripts({ at: 'before_planning', source }));
  await boot.run();
  assertBooted(boot);
  assert.match(boot.console(), /before_planning: undefined undefined \w+/);
  assert.match(
    boot.console(),
    /look at machine: tpm, no smbios \(the machine has no SMBIOS\), no pci \(/,
  );
});

test('a kernel that is locked down shows no PCI devices, and the log says so', async (t) => {
  const source = doing('boot.log(typeof boot.host.pci);');
  const scripts = withScripts({ at: 'before_planning', source });
  const boot = await rig(t, {
    ...{ ...scripts, files: { ...scripts.files, ...machineFiles } },
    between: (what, inner) =>
      what === 'machine' ? { ...inner, physicalMemory: () => refuse('EPERM') } : inner,
  });
  await boot.run();
  assertBooted(boot);
  assert.match(boot.console(), /no pci \(Linux is locked down/);
  assert.match(boot.console(), /before_planning: undefined/);
});

function refuse(code: string): never {
  throw Object.assign(new Error(code), { code });
}

test('Secure Boot is what the firmware measured, where its log agrees with the TPM', async (t) => {
  const source = doing(`boot.log('secure ' + boot.host.secureBoot);`);
  for (const [state, extended, says] of [
    [1, true, /secure true/],
    [0, true, /secure false/],
    [1, false, /no secureBoot \(the firmware log does not agree with PCR 7\)/],
  ] as const) {
    const data = Buffer.alloc(53);
    Buffer.from('61dfe48bca93d211aa0d00e098032b8c', 'hex').copy(data);
    data.writeBigUInt64LE(10n, 16);
    data.writeBigUInt64LE(1n, 24);
    data.write('SecureBoot', 32, 'utf16le');
    data.writeUInt8(state, 52);
    const digest = createHash('sha256').update(data).digest();
    const event = { pcr: 7, type: 0x8000_0001, digests: new Map([[0x0b, digest]]), data };
    const firmwareLog = Buffer.concat([encodeHeader(['sha256']), encodeEvent(event)]);
    const boot = await rig(t, {
      ...withScripts({ at: 'before_planning', source }),
      firmwareLog,
    });
    if (extended) await pcrExtend(new Tpm(boot.tpm), 7, new Map([['sha256', digest]]));
    await boot.run();
    assertBooted(boot);
    assert.match(boot.console(), says);
  }
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
    name: 'throws an object',
    at: 'after_create',
    body: 'throw { code: 3, list: [1, 2] };',
    says: /after_create\.ts: it threw \{ code: 3, list: \[ 1, 2 \] \}/,
  },
  {
    name: 'throws a text',
    at: 'after_create',
    body: `throw 'too\\nfew \\u001b[2J';`,
    says: /after_create\.ts: it threw 'too\\nfew \\x1B\[2J'/,
  },
  {
    name: 'throws nothing',
    at: 'after_create',
    body: 'throw undefined;',
    says: /it threw undefined/,
  },
  {
    name: 'rejects with null',
    at: 'after_create',
    body: 'await Promise.reject(null);',
    says: /it threw null/,
  },
  {
    name: 'throws a symbol, a function, a bigint',
    at: 'after_create',
    body: `throw [Symbol('s'), () => 1, 7n];`,
    says: /it threw \[ Symbol\(s\), \[Function \(anonymous\)\], 7n \]/,
  },
  {
    name: 'throws an error with causes',
    at: 'after_create',
    body: `throw new Error('no worker', { cause: new TypeError('memory', { cause: { kib: 3 } }) });`,
    says: /after_create\.ts:2:9: no worker \(cause: TypeError: memory \(cause: \{ kib: 3 \}\)\)/,
  },
  {
    name: 'throws several errors',
    at: 'after_create',
    body: `await Promise.any([Promise.reject(new Error('a')), Promise.reject('b')]);`,
    says: /AggregateError: All promises were rejected \(one of them: a\) \(one of them: 'b'\)/,
  },
  {
    name: 'throws an error without a message',
    at: 'after_create',
    body: 'throw new RangeError();',
    says: /2:9: RangeError without a message/,
  },
  {
    name: 'throws an error that causes itself',
    at: 'after_create',
    body: `const e: any = new Error('round'); e.cause = e; throw e;`,
    says: /round \(cause: round \(cause: round/,
  },
  {
    name: 'throws an object whose getters and toString throw',
    at: 'after_create',
    body: `throw { get message() { throw 1; }, toString() { throw 2; }, get [Symbol.toStringTag]() { throw 3; } };`,
    says: /it threw \{ message: \[Getter\], toString: \[Function: toString\], .*\[Getter\] \}/,
  },
  {
    name: 'throws an error whose getters throw',
    at: 'after_create',
    body: `const e = new Error('hidden');
  for (const name of ['name', 'message', 'stack', 'cause']) Object.defineProperty(e, name, { get() { throw 1; } });
  throw e;`,
    says: /after_create\.ts: without a message/,
  },
  {
    name: 'throws a proxy that answers nothing',
    at: 'after_create',
    body: `const no = () => { throw 1; };
  throw new Proxy(new Error('inside'), { get: no, getPrototypeOf: no, has: no, ownKeys: no, getOwnPropertyDescriptor: no });`,
    says: /after_create\.ts: it threw .*inside/,
  },
  {
    name: 'throws an error with a stack of its own making',
    at: 'after_create',
    body: `Error.prepareStackTrace = () => { throw 1; }; throw new Error('no stack');`,
    says: /after_create\.ts: no stack/,
  },
  {
    name: 'throws an object later',
    at: 'after_create',
    body: `setTimeout(() => { throw { code: 4 }; }); await new Promise((r) => setTimeout(r, 100));`,
    says: /after_create\.ts: it threw \{ code: 4 \}/,
  },
  {
    name: 'rejects an object that nobody waits for',
    at: 'after_create',
    body: `Promise.reject({ code: 5 }); await new Promise((r) => setTimeout(r, 100));`,
    says: /after_create\.ts: it threw \{ code: 5 \}/,
  },
  {
    name: 'refuses with an object',
    at: 'after_create',
    body: 'boot.refuse({ code: 6 }, { do: "that" });',
    says: /refuses the boot: \{ code: 6 \}\n.*what to do: \{ do: 'that' \}/,
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
    says: /before_planning\.ts: it took more than 64 MiB of memory/,
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
    name: 'devices that the policy does not let domB move',
    at: 'after_create',
    body: `await boot.giveDevices('guest', { ioports: ['310'] });`,
    says: /2:14: giveDevices: cannot move devices from domain 0 to domain 9: xc_domain_ioport_permission: EPERM\n.*what to do: .*delegation/,
  },
  {
    name: 'devices for who has them',
    at: 'after_create',
    body: `await boot.giveDevices('dom0', { ioports: ['310'] });`,
    says: /domains\[1\]\.ioports: the hardware domain has everything/,
  },
  {
    name: 'devices before they are taken',
    at: 'before_planning',
    body: `await boot.giveDevices('guest', { ioports: ['310'] });`,
    says: /giveDevices is for scripts at after_create; this one runs at before_planning/,
  },
  {
    name: 'devices that are no list',
    at: 'after_create',
    body: `await boot.giveDevices('guest', { irqs: 5 });`,
    says: /irqs: 5 is no list/,
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
    command === 'PCR_Extend' && boot.state.created.length === 3 && !boot.early.evidence;
  await boot.run();
  assert.match(boot.console(), /step "run script after_create" failed/);
});

test('a script that is missing from the boot image', async (t) => {
  const { manifest: text } = withScripts({ at: 'after_start', source: '' });
  const boot = await rig(t, { manifest: text });
  await boot.run();
  assert.match(boot.console(), /\/images\/after_start\.ts: no such file/);
});
