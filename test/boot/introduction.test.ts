import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseXlList } from '../../platform/judge/tool-output.ts';
import { assertShape } from '../lib/json-shape.ts';
import { Disk } from './disk.ts';
import { boot, consoleUntil, exampleManifest, failedChecks, parts } from './support.ts';

/** A guest that waits to be started is introduced while it is paused; one that is hvm like any other. */
const more = `
  - name: box
    domid: 4
    type: hvm
    ramdisk: guest.cpio.zst
    cmdline: console=hvc0 loglevel=5 domb.name=box domb.xenstore=yes
    seclabel: system_u:system_r:domU_t
    xenstore: true
    console: true
  - name: standby
    domid: 3
    type: pv
    ramdisk: guest.cpio.zst
    cmdline: console=hvc0 loglevel=5 domb.name=standby domb.xenstore=yes
    seclabel: system_u:system_r:domU_t
    xenstore: true
    console: true
    autostart: false
`;

/**
 * Brings a guest's second vCPU up. Its kernel acts on xenstore in its own time: first it takes down what is offline there, then
 * it starts what xl brings online.
 */
const processors = ['mail', 'web'].map(
  (name) => `
until xl vcpu-list ${name} | grep -q ' 1  .*--p' || [ $((tries += 1)) -gt 60 ]; do sleep 1; done
xl vcpu-list ${name}
xl vcpu-set ${name} 2
while xl vcpu-list ${name} | grep -q ' 1  .*--p' && [ $((tries += 1)) -le 120 ]; do sleep 1; done
xl vcpu-list ${name}
`,
);

/** Shell commands for dom0, by name. */
const questions = {
  again: 'domb introduce',
  other:
    'sed \'s/"uuid": "....\\(.*\\)/"uuid": "0000\\1/\' /run/domb/record.json >/run/other.json; domb introduce --record /run/other.json',
  forged:
    'echo \'{"version":1,"hardwareDomid":0,"domains":[{"name":"../../x"}]}\' >/run/forged.json; domb introduce --record /run/forged.json',
  json: 'domb introduce --json',
  configuration: 'xl list -l',
  console: consoleUntil('web', 'guest web: alive'),
  nodes: 'xenstore-ls -p /local/domain/1; xenstore-ls /libxl; xenstore-ls /vm',
  start: 'xl unpause standby',
  // A guest asks when it finds xenstore, which may be after it says that it is alive.
  names:
    'for name in mail web standby box; do log=/var/log/xen/console/guest-$name.log; for i in $(seq 60); do grep -q "calls it" $log && break; sleep 1; done; cat $log; done',
  processors: processors.join(''),
  shutdown: 'xl shutdown -w mail; xl shutdown -w web',
  ended: 'xl list -Z; cat /var/log/xen/console/guest-mail.log /var/log/xen/console/guest-web.log',
  destroy: 'xl destroy mail; xl destroy web; xl list -Z; xl list -Z vtpm',
};

test('boot-configs/everyday.yaml: boot domains are introduced to xenstore, and xl treats them as its own', async (t) => {
  const manifest = (await exampleManifest('everyday')) + more;
  const disk = await Disk.make(t);
  const run = await boot('everyday', manifest, {
    parts: await parts(),
    devices: ['amd-iommu'],
    disk: disk.file,
    async converse(ask) {
      await disk.check(ask);
      for (const [name, script] of Object.entries(questions)) {
        await ask(name, script);
      }
    },
  });
  const said = (name: keyof typeof questions) => run.answers.get(name);

  await t.test('all come up under their names, those that were paused too', () => {
    assert.deepEqual(failedChecks(run), []);
    assert.match(run.consoleText, /mail \(domain 1\) introduced/);
    assert.match(run.consoleText, /vtpm \(domain 32736\) named/);
  });

  await t.test('a guest, pv, pvh and hvm, asks xenstore for its name', () => {
    for (const name of ['mail', 'web', 'standby', 'box']) {
      assert.match(said('names').output, new RegExp(`guest ${name}: xenstore calls it ${name}`));
    }
  });

  await t.test('introducing them again changes nothing', () => {
    const expected = [
      'vtpm (domain 32736) was named',
      ...['mail (domain 1)', 'web (domain 2)', 'box (domain 4)', 'standby (domain 3)'].map(
        (domain) => `${domain} was introduced`,
      ),
    ];
    assert.deepEqual(said('again'), { output: `${expected.join('\n')}\n`, status: 0 });
  });

  await t.test('for programs it says so in the documented shape', () => {
    const { output, status } = said('json');
    assert.equal(status, 0);
    // No domain here is silent, has devices or a problem.
    const others = ['silent', 'disk[]', 'vif[]', 'pci[]', 'problem.message', 'problem.hint'];
    assertShape(
      'introduce',
      [output],
      others.map((path) => `[].${path}`),
    );
    const told = JSON.parse(output) as { name: string; domid: number; outcome: string }[];
    assert.deepEqual(told[1], { name: 'mail', domid: 1, outcome: 'was introduced' });
  });

  await t.test('nobody is introduced in the place of another', () => {
    const { output, status } = said('other');
    assert.equal(status, 0);
    assert.deepEqual(output.match(/is another domain/g)?.length, 5);
    assert.equal(said('forged').status, 1);
    assert.match(said('forged').output, /forged\.json: domains\[0\]: /);
  });

  await t.test('xl list -l knows their configuration', () => {
    const listed = JSON.parse(said('configuration').output) as {
      domid: number;
      config: { c_info: { name: string; type: string; uuid: string } };
    }[];
    for (const { name, domid, uuid, type } of run.record.domains) {
      if (domid === 0) continue;
      const { config } = listed.find((one) => one.domid === domid) ?? assert.fail(name);
      assert.deepEqual(
        { name: config.c_info.name, type: config.c_info.type, uuid: config.c_info.uuid },
        // Without a device model, a hvm domain is for libxl a pvh one.
        { name, type: type === 'hvm' ? 'pvh' : type, uuid },
      );
    }
  });

  await t.test('xl console shows what the guest says', () => {
    assert.match(said('console').output, /guest web: alive/);
  });

  await t.test('a guest, pv and pvh, starts with vcpus and gets more of maxvcpus from xl', () => {
    const states = said('processors')
      .output.split('\n')
      .flatMap((line) => /^(mail|web) +\d+ +(\d+) +\S+ +(\S+)/.exec(line)?.slice(1) ?? [])
      .join(' ');
    const online = '(?!--p)\\S+';
    const each = (name: string) =>
      `${name} 0 ${online} ${name} 1 --p ${name} 0 ${online} ${name} 1 ${online}`;
    assert.match(states, new RegExp(`^${each('mail')} ${each('web')}$`), said('processors').output);
  });

  await t.test('xl shutdown ends them cleanly, xl destroy removes them', () => {
    assert.equal(said('shutdown').status, 0, said('shutdown').output);
    const ended = said('ended').output;
    for (const name of ['mail', 'web']) {
      assert.match(ended, new RegExp(`guest ${name}: told to poweroff`));
      assert.match(parseXlList(ended).find((row) => row.name === name)?.state ?? '', /s/);
    }
    const left = parseXlList(said('destroy').output).map(({ name }) => name);
    assert.deepEqual(left, ['Domain-0', 'standby', 'box', 'vtpm', 'vtpm']);
  });

  await t.test('FLASK had nothing to refuse', () => {
    assert.doesNotMatch(run.consoleText, /avc:\s+denied/);
  });
});
