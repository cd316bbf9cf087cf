/** Channels of a manifest: who joins which ports, and when that can't be. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { manifest, rig } from './support.ts';

const guests = ['client', 'storage', 'spare'].map(
  (name, index) => `  - name: ${name}
    domid: ${20 + index}
    type: pv
    memory: 128MiB
    kernel: vmlinux
    seclabel: system_u:system_r:domU_t
`,
);
const channels = `${manifest}${guests.join('')}`.replace(
  'domid: 20\n',
  'domid: 20\n    channels: ["1=storage:100", "2>spare:7"]\n',
);

test('ports are joined as the manifest says, when all have their labels and nobody runs', async (t) => {
  const boot = await rig(t, { manifest: channels });
  await boot.run();
  assert.equal(boot.machine.deeds.at(-1), 'halt', boot.console());
  assert.doesNotMatch(boot.console(), /FAILED/);
  assert.deepEqual(
    [...boot.hypervisor.links],
    [
      ['20:1', { domid: 21, port: 100 }],
      ['21:100', { domid: 20, port: 1 }],
      ['20:2', { domid: 22, port: 7 }],
    ],
  );
  const methods = boot.hypervisor.calls.map(({ method }) => method);
  assert.ok(methods.lastIndexOf('label') < methods.indexOf('connect'));
  assert.ok(methods.lastIndexOf('connect') < methods.indexOf('unpause'));
});

test('a domain that the boot does without is joined to nobody', async (t) => {
  const boot = await rig(t, {
    manifest: channels.replace('domid: 22\n', 'domid: 22\n    critical: false\n'),
  });
  boot.hypervisor.failAt = { method: 'build', domid: 22, errno: 'ENOMEM' };
  await boot.run();
  assert.doesNotMatch(boot.console(), /FAILED/);
  assert.deepEqual([...boot.hypervisor.links.keys()], ['20:1', '21:100']);
});

test('without Argo the boot is refused before anything is created', async (t) => {
  const boot = await rig(t, { manifest: channels, xen: { commandLine: 'boot-domain' } });
  await boot.run();
  assert.match(boot.console(), /client has channels, and this Xen was not started with Argo/);
  assert.match(boot.console(), /what to do: write "argo=1" on Xen's command line/);
  assert.equal(boot.hypervisor.creations.size, 0);
});

test('a policy that lets one of them not use Argo ends the boot', async (t) => {
  const boot = await rig(t, { manifest: channels });
  boot.hypervisor.failAt = { method: 'connect', domid: 20, errno: 'ENODEV' };
  await boot.run();
  assert.match(
    boot.console(),
    /step "connect client" failed: cannot join port 1 of domain 20 to port 100 of domain 21: xencall5: ENODEV/,
  );
  assert.match(boot.console(), /what to do: build the policy with .*optional\/channels/);
});
