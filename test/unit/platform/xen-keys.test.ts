import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { loadManifest } from '../../../boot-configs/load.ts';
import { xenJudgements } from '../../../platform/judge/xen-alone.ts';
import { parseDomainDumps } from '../../../platform/judge/xen-dump.ts';
import { Console } from '../../../platform/machine/console.ts';
import { pressXenKey } from '../../../platform/machine/xen-keys.ts';

/** Xen's end of the console: three times Ctrl-A switches, and keys are Xen's when it has the input. */
function xen(input: 'Xen' | 'DOM0') {
  const console = new Console();
  const typed = new PassThrough();
  let has = input;
  const taken: string[] = [];
  let switches = 0;
  typed.on('data', (bytes: Buffer) => {
    for (const key of bytes.toString()) {
      if (key === '\x01') {
        if (++switches % 3 !== 0) continue;
        has = has === 'Xen' ? 'DOM0' : 'Xen';
        console.write(`(XEN) *** Serial input to ${has} (type 'CTRL-a' three times to switch)\n`);
      } else {
        taken.push(`${has} ${key}`);
        console.write(
          key === 'Q'
            ? '(XEN) ==== PCI devices ====\n(XEN) 0000:00:05.0 - d7\n'
            : `(XEN) '${key}' pressed -> dumping\n(XEN) General information for domain 7:\n`,
        );
      }
    }
  });
  const terminal = { output: new PassThrough(), input: typed };
  return { machine: { console, terminal }, taken, holder: () => has };
}

for (const holder of ['DOM0', 'Xen'] as const) {
  test(`a key is pressed in Xen when ${holder} has the input, which is dom0's afterwards`, async () => {
    const { machine, taken, holder: now } = xen(holder);
    machine.console.write("(XEN) *** Serial input to Xen (type 'CTRL-a' three times to switch)\n");
    machine.console.write('(XEN) General information for domain 99:\n');
    const said = await pressXenKey(machine, 'q');
    assert.deepEqual(taken, ['Xen q']);
    assert.deepEqual([...parseDomainDumps(said.join('\n')).keys()], [7]);
    assert.equal(now(), 'DOM0');
  });
}

test('a key that Xen answers without naming it', async () => {
  const { machine, taken } = xen('DOM0');
  const said = await pressXenKey(machine, 'Q');
  assert.deepEqual(taken, ['Xen Q']);
  assert.deepEqual(said.slice(0, 2), ['(XEN) ==== PCI devices ====', '(XEN) 0000:00:05.0 - d7']);
});

const uuid = (digit: number) => `${String(digit).repeat(8)}-0000-4000-8000-000000000000`;
const manifest = loadManifest(
  Buffer.from(`
version: 2
defaults: { type: pv, memory: 96MiB, kernel: k, ramdisk: r, seclabel: "a:b:c" }
domains:
  - { name: dom0, domid: 0, capabilities: [control, hardware, xenstore] }
  - { name: pinned, domid: 5, uuid: ${uuid(5)} }
`),
  'alone.yaml',
);
const said = `domb:  10.1   identify dom0: ${uuid(1)} (17.6 ms)\ndomb: 10.2 identify pinned: ${uuid(5)} (1 ms)\n`;
const dumped = (...domains: [number, string][]) =>
  domains
    .map(
      ([domid, handle]) =>
        `(XEN) General information for domain ${domid}:\n(XEN)  handle=${handle} x\n`,
    )
    .join('');

function failed(dump: string): string[] {
  const dumps = parseDomainDumps(dump);
  return xenJudgements({ manifest, bootDomid: 0x7fef, consoleText: said, dumps })
    .filter(({ ok }) => !ok)
    .map(({ name }) => name);
}

test('without a word from dom0: the domains that Xen has, and domB gone', () => {
  const good: [number, string][] = [
    [0, uuid(1)],
    [5, uuid(5)],
  ];
  assert.deepEqual(failed(dumped(...good)), []);
  assert.deepEqual(failed(dumped([0, uuid(1)], [5, uuid(6)])), [
    'pinned is there, with its domid and UUID',
  ]);
  assert.deepEqual(failed(dumped([5, uuid(5)])), ['dom0 is there, with its domid and UUID']);
  assert.deepEqual(failed(dumped(...good, [0x7fef, uuid(9)])), ['domB is gone']);
  assert.equal(failed('').length, 3);
});
