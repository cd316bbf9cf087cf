import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IntroductionError } from '../../../introduction/introduction-error.ts';
import { attachDevices, runTool } from '../../../introduction/pci.ts';
import { parseBootRecord } from '../../../introduction/record.ts';
import { aRecord } from './support.ts';

function guestWith(...pci: string[]) {
  const { domains } = parseBootRecord(JSON.stringify(aRecord({ pci })), 'record.json');
  return domains[1] ?? assert.fail();
}

/** A dom0 whose xl answers so, and what was run in it. */
function tools(answers: Record<string, string> = {}) {
  const ran: string[] = [];
  const run = async (...words: string[]) => {
    ran.push(words.join(' '));
    return answers[words.slice(0, 2).join(' ')] ?? '';
  };
  return { ran, run };
}

test('devices are made assignable and attached', async () => {
  const { ran, run } = tools({ 'xl pci-assignable-list': '0000:00:06.0 \n' });
  const domain = guestWith('0000:00:05.0', '0000:00:06.0');
  assert.deepEqual(await attachDevices(domain, run, () => true), domain.pci);
  assert.deepEqual(ran, [
    'xl pci-list 1',
    'xl pci-assignable-list',
    'xl pci-assignable-add 0000:00:05.0',
    'xl pci-attach 1 0000:00:05.0',
    'xl pci-attach 1 0000:00:06.0',
  ]);
});

test('what it has already is left alone', async () => {
  const listed = 'Vdev Device\n00.0 0000:00:05.0\n';
  const { ran, run } = tools({ 'xl pci-list': listed });
  assert.deepEqual(await attachDevices(guestWith('0000:00:05.0'), run, () => true), []);
  assert.ok(!ran.some((command) => command.includes('attach')));
});

test('the driver that holds devices for others is loaded where it is missing, and only then', async () => {
  const { ran, run } = tools();
  await attachDevices(guestWith('0000:00:05.0'), run, () => false);
  assert.equal(ran[0], 'modprobe xen-pciback');
  const none = tools();
  await attachDevices(guestWith(), none.run, () => false);
  assert.deepEqual(none.ran, []);
});

test('a tool that fails is quoted', async () => {
  await assert.rejects(
    runTool('sh', '-c', 'echo no such device >&2; exit 3'),
    (error) => error instanceof IntroductionError && /no such device/.test(error.message),
  );
});
