import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { compress } from '../../platform/images/compress.ts';
import { debianKernel, moduleClosure } from '../../platform/images/kernel.ts';
import { RootTree } from '../../platform/images/root-tree.ts';
import { runProgram } from '../../platform/lib/run.ts';
import { buildPolicyWith } from '../../platform/policy/build-own.ts';
import { assertShape } from '../lib/json-shape.ts';
import { boot, exampleManifest, failedChecks, parts, temporaryFile } from './support.ts';

const root = join(import.meta.dirname, '../..');
const sources = join(root, 'platform/images/guest-channel');
const program = '/usr/lib/domb/exchange';

/** What each guest runs in the place of using its TPM. */
const tasks: Readonly<Record<string, string>> = {
  storage: `${program} hold 200 storage; ${program} serve 100 storage`,
  spare: `${program} serve 100 spare`,
  client: `${program} name 1 11 100; ${program} fill 2 4000; ${program} ask 1 1000`,
};

/** A ramdisk segment for a guest, with the program, which finds no library there, and what it needs of the kernel. */
async function segment(name: string, binary: string): Promise<string> {
  const kernel = await debianKernel();
  const tree = new RootTree();
  await tree.copy(program, binary, 0o755);
  const modules = await moduleClosure(kernel, ['xen-privcmd', 'xen-evtchn']);
  for (const path of modules) await tree.copy(`/lib/modules/${path}`, join(kernel.modules, path));
  const inserts = modules.map(
    (path) => `insmod /lib/modules/${path}${path.includes('privcmd') ? ' unrestricted=1' : ''}`,
  );
  const script = ['#!/bin/sh', 'exec >/dev/kmsg 2>&1', ...inserts, tasks[name], ''].join('\n');
  tree.file('/usr/lib/domb/use-tpm', Buffer.from(script), 0o755);
  return temporaryFile(`${name}.cpio.zst`, compress(tree.archive()));
}

/** Waits until the client is answered by this one, for the so manieth time. */
const answeredBy = (who: string, time = 1) => `
until [ "$(xl dmesg | grep -c 'exchange: answered by: ${who}')" -ge ${time} ] || [ $((tries += 1)) -gt 120 ]; do sleep 0.5; done
xl dmesg | grep 'exchange: answered by:' | tail -n 1`;

const many = 'for i in $(seq 1001 1063); do echo "storage:$i>client:7"; done';

/** Shell commands for dom0, by name. */
const questions = {
  begun: answeredBy('storage'),
  shown: 'domb channels',
  json: 'domb channels --json',
  changed: 'domb channels client:1=spare:100',
  spare: answeredBy('spare'),
  ended: 'domb channels client:1',
  nobody: answeredBy('Transport endpoint is not connected'),
  'ended-again': 'domb channels client:1',
  back: 'domb channels client:1=spare:100',
  'spare-again': answeredBy('spare', 2),
  destroyed: 'xl destroy 12; domb channels',
  'nobody-again': answeredBy('Transport endpoint is not connected', 2),
  // The storage's port 100 still leads to the client.
  many: `domb channels $(${many}) | grep -c '^storage:'`,
  'too-many': "domb channels 'storage:1064>client:7'",
  parent: "domb channels 'storage:100>32761:1'",
};

test('boot-configs/channels.yaml: guests exchange messages through channels, and dom0 joins them anew', async (t) => {
  const name = 'channels';
  const built = await parts();
  const binary = await temporaryFile('exchange', new Uint8Array());
  const files = (await readdir(sources)).filter((file) => file.endsWith('.c')).sort();
  await runProgram('gcc', [
    ...['-static', '-O2', '-Wall', '-Wextra', '-Werror', '-s', '-o', binary],
    ...files.map((file) => join(sources, file)),
  ]);
  const images = new Map(built.images);
  let manifest = (await exampleManifest(name))
    .replace('ramdisk: dom0.cpio.zst', 'ramdisk: [dom0.cpio.zst, domb-command.cpio.zst]')
    .replace('"1=storage:100"', '"1=storage:100", "2>storage:200"');
  for (const guest of Object.keys(tasks)) {
    const image = `${guest}.cpio.zst`;
    images.set(image, await segment(guest, binary));
    manifest = manifest.replace(
      `- name: ${guest}\n`,
      `- name: ${guest}\n    ramdisk: [guest.cpio.zst, ${image}]\n`,
    );
  }
  const module = await buildPolicyWith(join(root, 'platform/policy/optional/channels'));
  const policy = await temporaryFile('policy', module);
  const run = await boot(name, manifest, {
    parts: { ...built, images, policy },
    hypervisorOptions: ['boot-domain', 'argo=1'],
    awaited: [/exchange: 1000 asked/],
    async converse(ask) {
      for (const [question, script] of Object.entries(questions)) await ask(question, script);
    },
  });
  const { consoleText } = run;
  const said = (question: keyof typeof questions) => run.answers.get(question);

  await t.test('all come up', () => {
    // What the client tries is refused.
    assert.deepEqual(failedChecks(run, ['no AVC denial on the console']), []);
    assert.match(consoleText, /connect client: 2 channels/);
  });

  await t.test(
    '1,000 messages of mixed sizes arrive as they were sent, and so do the answers',
    () => {
      assert.match(consoleText, /exchange: 1000 asked, 0 wrong, in \d+ ms/);
      assert.match(consoleText, /exchange: storage has answered 1000/);
      assert.match(said('begun').output, /answered by: storage/);
    },
  );

  await t.test('who finds no room is told by an event when there is', () => {
    assert.match(consoleText, /exchange: room for 4000 bytes: yes/);
    assert.match(consoleText, /exchange: room for 131072 bytes: Message too long/);
    assert.match(consoleText, /exchange: room without a channel: Connection refused/);
    const sent = /exchange: (\d+) sent, then: Resource temporarily unavailable/.exec(consoleText);
    const taken = /exchange: storage has taken (\d+)/.exec(consoleText);
    // Of 64 KiB, and 4000 bytes each.
    assert.ok(Number(sent?.[1]) >= 16, sent?.[0]);
    assert.equal(Number(taken?.[1]), Number(sent?.[1]) + 1);
    assert.match(consoleText, /exchange: room after [1-9]\d* event: yes, after \d+ ms/);
    assert.match(consoleText, /exchange: sent again: yes/);
  });

  await t.test('domb channels shows them', () => {
    assert.deepEqual(said('shown'), {
      output: 'storage:100>client:1\nclient:1>storage:100\nclient:2>storage:200\n',
      status: 0,
    });
    assertShape('channels', [said('json').output]);
  });

  await t.test('a port is joined to another domain, and the sender does not notice', () => {
    assert.equal(said('changed').status, 0);
    assert.match(said('spare').output, /answered by: spare/);
    const [, after = ''] = consoleText.split('exchange: answered by: storage');
    const next = /exchange: answered by: (.*)/.exec(after)?.[1];
    assert.match(next ?? '', /^spare/);
  });

  await t.test('who has no channel is told so', () => {
    assert.equal(said('ended').status, 0);
    assert.match(said('nobody').output, /not connected/);
    assert.equal(said('ended-again').status, 1);
    assert.match(said('ended-again').output, /client:1: ENOENT\n {2}hint: no channel begins there/);
  });

  await t.test('a channel ends with the domain at its other end', () => {
    assert.match(said('spare-again').output, /answered by: spare/);
    assert.equal(said('destroyed').output, 'storage:100>client:1\nclient:2>storage:200\n');
    assert.match(said('nobody-again').output, /not connected/);
  });

  await t.test('64 ports of a domain send, and no more; up to the next hypervisor none', () => {
    assert.equal(said('many').output.trim(), '64');
    assert.equal(said('too-many').status, 1);
    assert.match(said('too-many').output, /ENOSPC/);
    assert.equal(said('parent').status, 1);
    assert.match(said('parent').output, /EOPNOTSUPP/);
  });

  await t.test('a guest that names a domain itself, or joins ports, is refused', () => {
    assert.match(consoleText, /exchange: naming a domain: Permission denied/);
    assert.match(consoleText, /exchange: joining ports: Permission denied/);
    for (const permission of ['send', 'connect']) {
      const line = new RegExp(
        `avc: +denied +\\{ ${permission} \\} for .*scontext=system_u:system_r:domU_t .*tclass=argo`,
      );
      assert.match(consoleText, line);
    }
  });
});
