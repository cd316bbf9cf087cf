import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseXlList } from '../../platform/demo/tool-output.ts';
import { boot, exampleManifest, failedChecks, parts } from './support.ts';
import { parseDomainDumps } from './xen-dump.ts';

const name = 'permissions';
/** In QEMU's machine (platform/machine); not among the ports that dom0 is left. */
const debugPort = 0x300;
const keyboardStatus = 0x64;

test('boot scripts at all four points change what Xen has, and nothing that was predicted', async (t) => {
  const ports = new Map<number, string>();
  const run = await boot(name, await exampleManifest(name), {
    parts: await parts(),
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
    assert.match(dump?.iomem ?? '', /-ffbff, 100000-/);
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
    const listed = parseXlList(answers.get('xl-list')?.output ?? '');
    assert.equal(listed.find(({ domid }) => domid === 12)?.state, '--p---');
    assert.match(consoleText, /alive: all that were started run/);
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
