import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { domb, file } from '../../lib/domb.ts';

const directory = mkdtempSync(join(tmpdir(), 'domb-try-'));
after(() => rmSync(directory, { recursive: true }));
const example = file('boot-configs/permissions.yaml');
const scripts = file('boot-configs/scripts');

/** The example's scripts on this machine. */
function onMachine(host: unknown) {
  const machine = join(directory, 'host.json');
  writeFileSync(machine, typeof host === 'string' ? host : JSON.stringify(host));
  return domb(['try-script', example, '--images', scripts, '--host', machine]);
}

test('the scripts of the example on the example of a machine', async () => {
  const host = file('boot-configs/host-facts.json');
  const run = await domb(['try-script', example, '--images', scripts, '--host', host]);
  assert.deepEqual([run.status, run.error], [0, '']);
  for (const line of [
    /^before_planning: machine \(machine\.ts\)\n {4}machine: reads smbios, which is measured\n/,
    /machine: Example Server 1, BIOS 1\.9\.2\n/,
    /permissions: restrictHardware \{"ioports":/,
    /sizes: configure "worker" \{"memory":"1024MiB"\}\nafter_create: inventory/,
    /inventory: there is dom0, worker, spare\n/,
    /alive: all that were started run\nchanged:\n {2}worker: memoryKiB 98304 -> 1048576\n/,
  ]) {
    assert.match(run.out, line);
  }
  assert.doesNotMatch(run.out, /spare: autostart/);
});

test('another machine, another boot', async () => {
  const small = await onMachine({ totalMemoryKiB: 3 * 2 ** 20, cpus: [0, 1] });
  assert.match(small.out, /worker: memoryKiB 98304 -> 196608\n/);
  assert.match(small.out, /spare: autostart true -> false\n$/);
  assert.match(small.out, /machine: undefined undefined, BIOS undefined\n/);
});

test('a machine that cannot be is refused', async () => {
  const wrong: [unknown, RegExp][] = [
    ['{', /host\.json: .*JSON/],
    [[], /this is no object/],
    [{ totalMemoryKib: 1 }, /did you mean "totalMemoryKiB"\?/],
    [{ cpus: 4 }, /"cpus" is not of its form\n {2}hint: give a list of whole numbers/],
    [{ pci: [{ address: '0000:00:00.0' }] }, /"pci" is not of its form/],
    [{ smbios: { vendor: 'x' } }, /"smbios" is not of its form/],
    [{ secureBoot: 'yes' }, /give true or false/],
  ];
  for (const [host, says] of wrong) {
    const { status, error } = await onMachine(host);
    assert.equal(status, 1);
    assert.match(error, says);
  }
});

test('what would fail the boot, with what was done until then', async () => {
  const manifest = join(directory, 'm.yaml');
  const text = `version: 2
scripts: [{ name: a, run: a.ts, at: before_planning }]
domains:
  - { name: dom0, domid: 0, type: pv, memory: 512MiB, kernel: k, seclabel: "a:b:c", capabilities: [control, hardware, xenstore] }
`;
  writeFileSync(manifest, text);
  const attempt = (body: string) => {
    writeFileSync(join(directory, 'a.ts'), `export default async (boot) => {\n${body}\n};\n`);
    return domb(['try-script', manifest, '--images', directory]);
  };
  const refusal = await attempt(
    `await boot.configure('dom0', { vcpus: 2 }); boot.refuse('no', 'go');`,
  );
  assert.equal(refusal.status, 1);
  assert.match(refusal.out, /changed:\n {2}dom0: vcpus 1 -> 2\n/);
  assert.match(
    refusal.error,
    /the boot would fail: a\.ts:2:\d+: the script refuses the boot: no\n {2}hint: go/,
  );
  for (const [body, says] of [
    [`await boot.keepPaused('dom0');`, /keepPaused is for scripts at after_create/],
    [`await boot.configure('dom0', { vcpus: 0 });`, /a manifest could not say that/],
    ['throw { code: 3 };', /it threw \{ code: 3 \}/],
    ['const a = []; for (;;) a.push(new Uint8Array(1 << 24).fill(1));', /more than 64 MiB/],
  ] as const) {
    assert.match((await attempt(body)).error, says);
  }
  writeFileSync(manifest, text.replace(/scripts: .*\n/, ''));
  assert.match((await attempt('')).error, /it has no scripts/);
  assert.equal((await domb(['try-script', example])).status, 2);
});
