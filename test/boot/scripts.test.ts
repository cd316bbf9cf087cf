import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseXlList } from '../../platform/judge/tool-output.ts';
import { parseDomainDumps } from '../../platform/judge/xen-dump.ts';
import { boot, exampleManifest, failedChecks, parts } from './support.ts';

const name = 'permissions';
/** In QEMU's machine (platform/machine); not among the ports that dom0 is left. */
const debugPort = 0x300;
const keyboardStatus = 0x64;

test('boot scripts at all four points change what Xen has, and nothing that was predicted', async (t) => {
  const ports = new Map<number, string>();
  const run = await boot(name, await exampleManifest(name), {
    parts: await parts(),
    xenKeys: ['q'],
    async converse(ask) {
      for (const port of [debugPort, keyboardStatus]) {
        const read = `dd if=/dev/port bs=1 count=1 skip=${port} 2>/dev/null | od -An -tx1`;
        ports.set(port, (await ask(`port-${port}`, read)).output.trim());
      }
    },
  });
  assert.deepEqual(failedChecks(run), []);
  const { consoleText, answers, record, verdict } = run;

  await t.test('before planning: dom0 has the chosen set of permissions', () => {
    const dump = parseDomainDumps(consoleText).get(0);
    assert.equal(dump?.ioports, '60, 64, 70-71, 2f8-2ff, 600-607, 60c-67f, cf8-cfb');
    // Up to the flash; what follows is above 4 GiB, behind the RAM there.
    assert.match(dump?.iomem ?? '', /-ffbff, [1-9a-f][0-9a-f]{5,}-[0-9a-f]+$/);
    assert.match(dump?.interrupts ?? '', /^1, 3, 8-9, 12/);
    // The debug port would answer e9; what dom0 may not use is not there for it.
    assert.equal(ports.get(debugPort), 'ff');
    assert.match(ports.get(keyboardStatus) ?? '', /^(?!ff)[0-9a-f]{2}$/);
  });

  await t.test(
    'before planning: a domain is built as the script says, and measured as written',
    () => {
      const [worker] = record.domains.filter((domain) => domain.name === 'worker');
      assert.equal(worker?.memoryKiB, 160 * 1024);
      const slack = 256;
      assert.equal(parseDomainDumps(consoleText).get(11)?.maxPages, 160 * 256 + slack);
    },
  );

  await t.test('after create, before start, after start', () => {
    assert.match(consoleText, /inventory: there is dom0, worker, spare/);
    const listed = parseXlList(answers.output('xl-list'));
    assert.equal(listed.find(({ domid }) => domid === 12)?.state, '--p---');
    assert.match(consoleText, /alive: all that were started run/);
  });

  await t.test('a script knows the machine, and a verifier learns what it saw', () => {
    assert.match(consoleText, /machine: QEMU Standard PC \(Q35 \+ ICH9, 2009\), BIOS 1\./);
    const seen = new Map(
      verdict.bootEvents?.flatMap((event) =>
        event.event === 'machine-fact' ? [[event.fact, event.value]] : [],
      ),
    );
    assert.deepEqual([...seen.keys()], ['smbios', 'tpm', 'secureBoot', 'microcode', 'pci']);
    const pci = seen.get('pci') as { address: string; vendor: string; class: string }[];
    const host = pci.find(({ address }) => address === '0000:00:00.0');
    assert.deepEqual([host?.vendor, host?.class], ['8086', '060000']);
    assert.ok(pci.some(({ address }) => address === '0000:00:1f.0'));
    assert.match((seen.get('tpm') as { manufacturer: string }).manufacturer, /^\S+$/);
    assert.match(String(seen.get('microcode')), /^[0-9a-f]+$/);
    // QEMU's multiboot loader measures nothing, and leaves no log.
    assert.equal(seen.get('secureBoot'), null);
  });

  await t.test('a verifier learns what scripts changed', () => {
    const changes = verdict.bootEvents?.flatMap((event) =>
      event.event === 'script-action' ? [[event.script, event.action]] : [],
    );
    assert.deepEqual(changes, [
      ['permissions', 'restrictHardware'],
      ['sizes', 'configure'],
      ['spare', 'keepPaused'],
    ]);
  });
});
