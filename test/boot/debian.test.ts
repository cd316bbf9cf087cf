/**
 * A dom0 that is Debian 12 with systemd, its root file system on a disk, its initramfs of dracut, and Debian's own daemons, oxenstored among
 * them; and a boot domain whose init is systemd, too.
 */
import assert from 'node:assert/strict';
import { constants } from 'node:fs';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { allSubjects } from '../../platform/demo/judge.ts';
import { reservedBootDomid } from '../../platform/demo/platform-run.ts';
import { parseXlList } from '../../platform/judge/tool-output.ts';
import { runProgram } from '../../platform/lib/run.ts';
import { debianDom0 } from './debian-dom0.ts';
import { boot, consoleUntil, failedChecks, parts } from './support.ts';
import { withSystemd } from './systemd-boot-domain.ts';

const guest = (name: string, domid: number, type: string, more: string) => `
  - name: ${name}
    domid: ${domid}
    type: ${type}
    memory: 128MiB
    ramdisk: guest.cpio.zst
    cmdline: console=hvc0 loglevel=5 domb.name=${name} domb.xenstore=yes ${more}
    seclabel: system_u:system_r:domU_t
    xenstore: true
`;

const manifest = `version: 2
defaults:
  kernel: vmlinux
domains:
  - name: vtpm
    domid: 0x7FE0
    type: pv
    memory: 128MiB
    ramdisk: vtpm.cpio.zst
    cmdline: console=hvc0 earlyprintk=xen,keep
    seclabel: system_u:system_r:vtpm_t

  - name: dom0
    domid: 0
    type: pv
    memory: 1GiB
    ramdisk: initrd.img
    cmdline: console=hvc0 earlyprintk=xen root=LABEL=dom0 ro
    seclabel: system_u:system_r:dom0_t
    capabilities: [control, hardware, xenstore]
${guest('mail', 1, 'pv', 'domb.disk=xvda domb.net=10.7.0.2/24')}    console: true
    disk: ["phy:/dev/loop0,xvda,w"]
    vif: ["mac=00:16:3e:0a:07:02,bridge=xenbr0"]
    on_crash: preserve
${guest('web', 2, 'pvh', 'earlyprintk=xen,keep domb.disk=xvdb domb.net=10.7.0.3/24')}    disk: ["format=raw, vdev=xvdb, access=ro, target=/dev/loop1"]
    vif: [""]
    on_reboot: restart
${guest('box', 3, 'pv', '')}`;

/** Shell commands for dom0, by name. */
const questions = {
  failed: 'systemctl list-units --failed --no-legend --plain; systemctl is-system-running --wait',
  receive: 'systemctl status --full --lines=50 domb-receive.service',
  daemon: 'xenstore-read /tool/xenstored; cat /proc/1/comm; findmnt -no SOURCE,FSTYPE /',
  kept: 'ls -1 /run/domb-handover /run/domb',
  list: 'xl list -Z',
  // xenconsoled keeps what a guest has said until somebody looks.
  console: consoleUntil('mail', 'on eth0'),
  devices: 'xl block-list mail; xl network-list mail; xl block-list web; xl network-list web',
  disk: "for i in $(seq 60); do grep -a -o 'written by .*' /dev/loop0 && break; sleep 1; done; grep -a written /dev/loop1",
  network:
    'for i in 2 3; do ping -c 3 -w 60 10.7.0.$i || break; done; ip neighbour show dev xenbr0',
  again: 'domb introduce --json',
  // As if the vTPM domain had asked for xenstore.
  refused: `
sed '/"name": "vtpm"/,/"domid"/s/"domid"/"xenstore": {"frame": 4660, "port": 3}, "domid"/' /run/domb/record.json >/run/asking.json
domb introduce --record /run/asking.json`,
  // Nobody but the service waits for their ends.
  ended: `
xl shutdown box && xl reboot web && xl sysrq mail c
said() { journalctl --no-pager --output=cat --unit=domb-watch.service; }
for i in $(seq 90); do [ "$(said | grep -c 'is gone\\|it stays\\|built again from')" = 4 ] && break; sleep 1; done
said; xl list -Z; xl block-list web; ls -A /run/domb-building
for i in $(seq 60); do ping -c 1 -W 2 10.7.0.3 >/dev/null && break; done; ping -c 3 -w 60 10.7.0.3; domb status`,
  changed: `
echo >>/var/lib/domb/images/guest.cpio.zst; xl reboot web
said() { journalctl --no-pager --output=cat --unit=domb-watch.service; }
for i in $(seq 60); do said | grep 'stays destroyed' && break; sleep 1; done
said | grep -A 1 'stays destroyed'; xl list; xenstore-ls /local/domain/0/backend`,
  destroyed: 'xl destroy mail; sleep 2; xl list; systemctl is-active domb-watch.service',
};

/** Puts images into a file system that nobody has mounted. */
async function intoDisk(
  disk: string,
  directory: string,
  images: ReadonlyMap<string, string>,
  names: readonly string[],
): Promise<void> {
  const parents = ['/var/lib/domb', directory].map((path) => `mkdir ${path}`);
  const writes = names.map((name) => `write ${images.get(name)} ${directory}/${name}`);
  const commands = [...parents, ...writes].join('\n');
  await runProgram('debugfs', ['-w', '-f', '-', disk], { input: commands });
}

test('a stock Debian 12 with systemd is dom0', async (t) => {
  const { initrd, disk } = await debianDom0();
  const scratch = await mkdtemp(join(tmpdir(), 'domb-debian-'));
  t.after(() => rm(scratch, { recursive: true }));
  const own = join(scratch, 'disk');
  await copyFile(disk, own, constants.COPYFILE_FICLONE);
  const built = await parts();
  // Where "domb install" would keep them.
  await intoDisk(own, '/var/lib/domb/images', built.images, ['vmlinux', 'guest.cpio.zst']);
  const run = await boot('debian', manifest, {
    parts: { ...built, images: new Map([...built.images, ['initrd.img', initrd]]) },
    disk: own,
    bootDomain: withSystemd,
    // What guests say is on consoles that Debian's xenconsoled does not log.
    judged: allSubjects.filter((name) => !/^guest|services/.test(name)),
    isOwnImage: (name) => name !== 'initrd.img',
    awaited: [
      /guest web: xenstore calls it web/,
      /guest web: has 10\.7/,
      /vtpm: swtpm alive, self-test passed/,
    ],
    async converse(ask) {
      for (const [name, script] of Object.entries(questions)) await ask(name, script);
    },
  });
  const said = (name: keyof typeof questions) => run.answers.get(name);

  await t.test('domB is gone, its evidence right, its memory free', () => {
    assert.deepEqual(failedChecks(run), []);
    const rows = parseXlList(said('list').output);
    assert.equal(
      rows.find(({ domid }) => domid === reservedBootDomid),
      undefined,
    );
  });

  await t.test('in domB, systemd has run the daemon, and waited for the TPM', () => {
    const [inBootDomain = ''] = run.consoleText.split(/Boot domain d\d+ halted/);
    assert.match(inBootDomain, /systemd\[1\]: /);
    assert.doesNotMatch(inBootDomain, /Timed out waiting for device/);
  });

  await t.test('systemd is up from the disk, and no unit has failed', () => {
    assert.equal(said('failed').output.trim(), 'running');
    const [daemon, init, root] = said('daemon').output.trim().split('\n');
    assert.match(daemon ?? '', /\/oxenstored$/);
    assert.equal(init, 'systemd');
    assert.match(root ?? '', /^\/dev\/nvme0n1 +ext4$/);
  });

  await t.test('the initramfs kept the hand-over, and the service received it', () => {
    assert.equal(said('receive').status, 0, said('receive').output);
    assert.match(said('receive').output, /domB \(domain \d+\) destroyed, its memory is free/);
    const names = said('kept').output.match(/^record\.json$/gm);
    assert.equal(names?.length, 2, said('kept').output);
  });

  await t.test('oxenstored serves the guests, pv and pvh, and xl names them', () => {
    assert.deepEqual(
      parseXlList(said('list').output)
        .map(({ name }) => name)
        .sort(),
      ['Domain-0', 'box', 'mail', 'vtpm', 'web'],
    );
    assert.match(said('console').output, /guest mail: xenstore calls it mail/);
    const told = JSON.parse(said('again').output) as { name: string; outcome: string }[];
    assert.deepEqual(told.map(({ name, outcome }) => `${name} ${outcome}`).sort(), [
      'box was introduced',
      'mail was introduced',
      'vtpm was named',
      'web was introduced',
    ]);
  });

  await t.test('guests find the disks and networks that the manifest gives them', () => {
    assert.match(
      said('receive').output,
      /mail \(domain 1\) got xvda\n.*mail \(domain 1\) got vif1\.0/,
    );
    const mail = said('console').output;
    assert.match(mail, /guest mail: its disk xvda says disk of mail\r?\n/);
    assert.match(mail, /guest mail: has 10\.7\.0\.2\/24 on eth0, 00:16:3e:0a:07:02/);
    assert.match(run.consoleText, /guest web: its disk xvdb says disk of web/);
    assert.match(run.consoleText, /guest web: may not write to xvdb/);
    assert.equal(said('disk').output.trim(), 'written by mail');
    const answered = said('network').output.match(/3 packets transmitted, 3 received/g);
    assert.equal(answered?.length, 2, said('network').output);
    assert.match(said('network').output, /10\.7\.0\.2 lladdr 00:16:3e:0a:07:02/);
  });

  await t.test('whom it may not map it does not serve; that is said, with what to set', () => {
    const { output, status } = said('refused');
    assert.equal(status, 1, output);
    assert.match(output, /vtpm \(domain 32736\) failed/);
    assert.match(output, /oxenstored, .* dom0 map no memory of system_u:system_r:vtpm_t/);
    assert.match(output, /set XENSTORED=\/usr\/sbin\/xenstored in \/etc\/default\/xen/);
  });

  await t.test('with a guest that stops is done what the manifest says', () => {
    const { output } = said('ended');
    assert.match(output, /box \(domain 3\) has shut down: destroyed\nbox \(domain 3\) is gone/);
    assert.match(output, /web \(domain 2\) asks for a reboot: destroyed, to be built again\n/);
    assert.match(output, /mail \(domain 1\) has crashed: it stays until "xl destroy 1"/);
    const left = parseXlList(output.slice(output.indexOf('Name '), output.indexOf('Vdev ')));
    assert.deepEqual(left.map(({ name }) => name).sort(), ['Domain-0', 'mail', 'vtpm', 'web']);
    assert.doesNotMatch(said('destroyed').output, /^mail /m);
    assert.match(said('destroyed').output, /^inactive$/m);
  });

  await t.test(
    '"restart" builds a guest again that asks for a reboot: its domid, label, disk and network',
    () => {
      const { output } = said('ended');
      const [, uuid = ''] =
        /web \(domain 2\) was built again from what was measured, and runs: (\S+)/.exec(output) ??
        [];
      assert.notEqual(uuid, '', output);
      assert.match(output, /^web +2 +128 .* system_u:system_r:domU_t$/m);
      assert.match(output, /3 packets transmitted, 3 received/);
      // Once as domB's, once as dom0's.
      assert.equal(run.consoleText.match(/guest web: its disk xvdb says disk of web/g)?.length, 2);
      assert.match(
        output,
        /its evidence does not cover these instances:\n +web \(domain 2\), once/,
      );
      assert.match(output, new RegExp(`^web +2 +${uuid} `, 'm'));
      assert.doesNotMatch(output, /^kernel$|^ramdisk$/m);
    },
  );

  await t.test('it does not from an image that is another than the measured one', () => {
    const { output } = said('changed');
    assert.match(
      output,
      /web \(domain 2\) stays destroyed: web is not built again: \S+guest\.cpio\.zst is not the ramdisk that this boot measured: sha256 [0-9a-f]{64}, where [0-9a-f]{64} was measured\n/,
    );
    assert.doesNotMatch(output, /^web +2 /m);
    // Its devices went with it.
    assert.doesNotMatch(output, /\/local\/domain\/2\/device/);
  });

  await t.test('FLASK had nothing to refuse', () => {
    assert.doesNotMatch(run.consoleText, /avc:\s+denied/);
  });
});
