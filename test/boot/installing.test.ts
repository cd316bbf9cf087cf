/**
 * A Debian host on which our packages and a manifest were installed, from its first release to the last: through firmware and GRUB, an update that
 * goes wrong and comes back by itself, through firmware alone with Secure Boot, and Debian as it was before.
 */
import assert from 'node:assert/strict';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { runProgram } from '../../platform/lib/run.ts';
import { type Answer, QuestionLine } from '../../platform/machine/answers.ts';
import { usualMemoryMiB } from '../../platform/machine/boot-manifest.ts';
import { startMachine, type VirtualMachine } from '../../platform/machine/machine.ts';
import { enrolledKeys } from '../../platform/machine/ovmf.ts';
import { type InstalledDebian, installedDebian } from './installed-debian.ts';
import { counted, outputDirectory } from './support.ts';

/** Milliseconds until a system of the disk takes questions. */
const patience = 600_000;
/** Milliseconds until it is down, services and all. */
const SHUTDOWN = 300_000;

/** As the disk was installed (debian-dom0/install). */
const xenOptions = 'console=com1 com1=115200,8n1 loglvl=all guest_loglvl=all';

let host: InstalledDebian;
let scratch: string;
let disk: string;
let variables: string;
before(async () => {
  host = await installedDebian();
  scratch = await mkdtemp(join(tmpdir(), 'domb-installing-'));
  disk = join(scratch, 'disk');
  await runProgram('cp', ['--reflink=auto', '--sparse=always', host.disk, disk]);
  variables = join(scratch, 'variables');
  await copyFile(enrolledKeys, variables);
});
after(() => rm(scratch, { recursive: true, force: true }));

/** Starts the machine with disk and firmware's variables as the boot before has left them. */
function started<T>(
  name: string,
  look: (machine: VirtualMachine) => Promise<T>,
  secureBoot = false,
): Promise<T> {
  return counted(name, async () => {
    const machine = await startMachine({
      directory: outputDirectory(name),
      start: { variables, secureBoot },
      memoryMiB: usualMemoryMiB,
      cpus: 2,
      tpm: 'plain',
      disk,
    });
    try {
      return await look(machine);
    } finally {
      await machine.stop();
    }
  });
}

/** The same, until the system takes questions; it answers these and reboots, which ends the machine. */
function asked<const Name extends string>(
  name: string,
  questions: Readonly<Record<Name, string>>,
  secureBoot?: boolean,
) {
  const look = async (machine: VirtualMachine) => {
    await machine.console.waitFor(/dom0: takes questions/, patience, /Kernel panic/);
    const line = await QuestionLine.open(machine);
    for (const [question, script] of Object.entries<string>(questions)) {
      await line.ask(question, script);
    }
    const { answers } = line;
    await line.ask('reboot', 'systemctl --no-block reboot');
    const ended = machine.ended.then(() => true);
    const down = await Promise.race([ended, sleep(SHUTDOWN, false, { ref: false })]);
    assert.ok(down, `it did not reboot. ${machine.console.tail()}`);
    line.close();
    return {
      of: (question: Name): Answer => answers.get(question),
      text: machine.console.lines.map(({ text }) => text).join('\n'),
    };
  };
  return started(name, look, secureBoot);
}

const well = ({ status, output }: Answer): string => {
  assert.equal(status, 0, output);
  return output;
};

/** The one thing that a pattern finds. */
const found = (pattern: RegExp, text: string): string =>
  pattern.exec(text)?.[1] ?? assert.fail(`${pattern} is not in: ${text}`);

const units =
  'systemctl is-system-running --wait; systemctl list-units --failed --no-legend --plain';
/** As the kernel's package runs it, when it has a new version. */
const kernelHook =
  'run-parts --regex "^zz-domb$" --arg="$(uname -r)" --arg="/boot/vmlinuz-$(uname -r)" /etc/kernel/postinst.d';
const noTrace = `ls -d /boot/domb /etc/domb /var/lib/domb /etc/default/grub.d/domb.cfg /boot/efi/EFI/domb 2>/dev/null
grep -c domb- /boot/grub/grub.cfg
grub-editenv - list`;

/** Which release is the default, and which is on trial; the first boots tell those that follow. */
let first: string;
let large: string;
let signed: string;

test('the installation says what it does, and what changes in the PCRs', () => {
  const { said } = host;
  assert.match(said, /^Manifest: \/root\/host\.yaml, with 2 domains: dom0, mail$/m);
  assert.match(said, /^domB's memory: \d+ MiB$/m);
  assert.match(said, /^PCR 13 will be sha256:[0-9a-f]{64}$/m);
  // Made by "domb install", by the hook of the kernel's package, and by that of initramfs-tools, each once.
  const releases = [...said.matchAll(/^Release ([0-9a-f]{12}) is tried once, at the next boot/gm)];
  assert.equal(new Set(releases.map(([, name]) => name)).size, 3, said);
  assert.equal(releases.length, 3, said);
  assert.equal(said.match(/^ {2}changed: image dom0 ramdisk$/gm)?.length, 2, said);
  first = releases.at(-1)?.[1] ?? '';
});

test('the host is dom0 of its first release, which is good and becomes the default', async () => {
  const { of, text } = await asked('installing-first', {
    units,
    root: 'findmnt -no SOURCE,FSTYPE /; cat /sys/hypervisor/type',
    settled: 'journalctl -b -u domb-settle.service -o cat --no-pager',
    kept: 'ls -1 /run/domb-handover /run/domb',
    status: 'domb status',
    list: 'domb list dom0 && domb list "$(cat /sys/hypervisor/uuid)"',
    xl: 'xl list',
    daemon: 'cat /proc/[0-9]*/comm | grep xenstored',
    guest:
      'for i in $(seq 60); do grep -ao "written by mail" /dev/loop0 && break; sleep 1; done; ping -c 3 -w 60 10.7.0.2',
    grub: 'grub-editenv - list',
    // An update that goes wrong: it asks for more memory than there is, which nothing sees before domB does.
    update: `sed -i 's/1GiB/64GiB/' /etc/domb/manifest.yaml; ${kernelHook} 2>&1`,
    trial: 'grub-editenv - list',
  });
  assert.deepEqual(well(of('units')).trim(), 'running');
  assert.match(well(of('root')), /^\/dev\/nvme0n1p2 +ext4\nxen\n/);
  assert.match(well(of('settled')), new RegExp(`^release ${first} is good, and the default`, 'm'));
  assert.equal(well(of('kept')).match(/^record\.json$/gm)?.length, 2, of('kept').output);
  const status = well(of('status'));
  assert.match(status, /^This boot: started by domB; dom0 has received all of its hand-over$/m);
  assert.match(status, new RegExp(`^Release: ${first} \\(Linux 6\\.1\\.`, 'm'));
  assert.match(status, new RegExp(`^Default: release ${first}$`, 'm'));
  assert.match(
    status,
    /^Domain-0 +0 +[0-9a-f-]{36} +running +1024 MiB +1 +system_u:system_r:dom0_t$/m,
  );
  assert.match(status, /^ {2}\/run\/domb\/measurement\.log \(\d+ bytes\)$/m);
  assert.doesNotMatch(status, /Not known|Last failure|To be tried/);
  const rows = well(of('list')).trim().split('\n');
  assert.equal(rows.length, 4, of('list').output);
  assert.equal(new Set(rows).size, 2, of('list').output);
  const domains = well(of('xl')).trim().split('\n').slice(1);
  assert.deepEqual(
    domains.map((line) => line.split(/ +/)[0]),
    ['Domain-0', 'mail'],
  );
  assert.match(status, /^mail +1 +[0-9a-f-]{36} +running +128 MiB +1 +system_u:system_r:domU_t$/m);
  // By domb-dom0; Debian's is oxenstored.
  assert.equal(well(of('daemon')).trim(), 'xenstored');
  assert.match(well(of('guest')), /^written by mail$/m);
  assert.match(well(of('grub')), new RegExp(`^saved_entry=domb-${first}$`, 'm'));
  const update = well(of('update'));
  large = found(/^Release ([0-9a-f]{12}) is tried once, at the next boot/m, update);
  assert.match(update, /^PCR 13 will be sha256:[0-9a-f]{64}, and was sha256:[0-9a-f]{64}$/m);
  assert.match(update, /^ {2}changed: manifest$/m);
  assert.match(well(of('trial')), new RegExp(`^next_entry=domb-${large}$`, 'm'));
  assert.doesNotMatch(text, /avc:\s+denied/);
});

test('an update that is refused ends in a reboot', async () => {
  await started('installing-refused', async ({ console, ended }) => {
    const came = console.waitFor(/dom0: takes questions/, patience).then(
      () => assert.fail('it came up'),
      () => {},
    );
    await Promise.race([ended, came]);
    const text = console.lines.map((line) => line.text).join('\n');
    assert.match(text, /step "check memory" failed: .*dom0 65536MiB/);
    assert.match(text, /rebooting machine/);
  });
});

test('then the release before it boots again, and says what failed; it is exchanged for one of firmware', async () => {
  const { of } = await asked('installing-back', {
    units,
    status: 'domb status',
    gone: 'ls /boot/domb',
    chosen: 'grub-set-default 0 && domb status',
    other: 'domb install /root/host.yaml --efi --yes 2>&1',
    uninstall: 'domb uninstall --yes 2>&1',
    left: noTrace,
    efi: `domb install /root/host.yaml --efi --efi-key /root/db.key --efi-cert /root/db.pem --yes --xen-options '${xenOptions}' 2>&1`,
    // Linux takes no notice of zeros behind its initramfs.
    update: `head -c 4096 /dev/zero >>/boot/initrd.img-$(uname -r); ${kernelHook} 2>&1`,
    firmware: 'efibootmgr; ls /boot/efi/EFI/domb',
  });
  assert.equal(well(of('units')).trim(), 'running');
  const { status, output } = of('status');
  assert.equal(status, 1, output);
  assert.match(output, new RegExp(`^Release: ${first} `, 'm'));
  assert.match(output, new RegExp(`^Default: release ${first}$`, 'm'));
  assert.match(
    output,
    new RegExp(`^Last failure: \\S+, release ${large}\\n {2}the boot loader has started it`, 'm'),
  );
  assert.equal(well(of('gone')).trim(), first);
  const chosen = 'as before domb, which somebody has chosen; what was good last: release';
  assert.match(of('chosen').output, new RegExp(`^Default: ${chosen} ${first}$`, 'm'));
  assert.equal(of('other').status, 1);
  assert.match(of('other').output, /GRUB starts the releases of this host.*\n.*domb uninstall/);
  assert.match(
    well(of('uninstall')),
    /^Removed\. From the next boot on this host boots as before/m,
  );
  assert.deepEqual(well(of('left')).trim().split('\n'), ['0']);
  assert.match(well(of('efi')), /^Release [0-9a-f]{12} is tried once/m);
  assert.match(well(of('update')), /^ {2}changed: image dom0 ramdisk$/m);
  signed = found(/^Release ([0-9a-f]{12}) is tried once/m, well(of('update')));
  const firmware = well(of('firmware'));
  const number = found(new RegExp(`^Boot([0-9A-F]{4})\\* domB ${signed}\\b`, 'm'), firmware);
  assert.match(firmware, new RegExp(`^BootNext: ${number}$`, 'm'));
  assert.equal(firmware.trim().split('\n').at(-1), `${signed}.efi`);
});

test('firmware with Secure Boot starts the updated release, and from then on nothing else', async () => {
  const questions = {
    units,
    status: 'domb status',
    firmware: 'efibootmgr',
    uninstall: 'domb uninstall --yes 2>&1',
    left: `${noTrace}
efibootmgr | grep -c -e domB -e BootNext`,
  };
  const { of, text } = await asked('installing-efi', questions, true);
  assert.equal(well(of('units')).trim(), 'running');
  const status = well(of('status'));
  assert.match(status, new RegExp(`^Release: ${signed} `, 'm'));
  assert.match(status, new RegExp(`^Default: release ${signed}$`, 'm'));
  assert.doesNotMatch(status, /Not known|Last failure|To be tried/);
  const firmware = well(of('firmware'));
  const number = found(new RegExp(`^Boot([0-9A-F]{4})\\* domB ${signed}\\b`, 'm'), firmware);
  assert.match(firmware, new RegExp(`^BootCurrent: ${number}$`, 'm'));
  assert.match(firmware, new RegExp(`^BootOrder: ${number},`, 'm'));
  assert.match(
    well(of('uninstall')),
    /^Removed\. From the next boot on this host boots as before/m,
  );
  assert.deepEqual(of('left').output.trim().split('\n'), ['0', '0']);
  assert.doesNotMatch(text, /avc:\s+denied/);
});

test('and the host boots as before domb, whose packages leave nothing', async () => {
  const { of } = await asked('installing-gone', {
    xen: 'cat /sys/hypervisor/type 2>/dev/null || echo none',
    units,
    status: 'domb status',
    // The trigger of initramfs-tools would take a minute here.
    purge: `sed -i s/yes/no/ /etc/initramfs-tools/update-initramfs.conf
DEBIAN_FRONTEND=noninteractive apt-get -qq purge -y domb-boot domb-dom0 domb-xen domb domb-node domb-verifier 2>&1`,
    left: "find / -xdev -name '*domb*' ! -path '/var/lib/dpkg/*' ! -path '/var/log/*' ! -name 'domb-test*' ! -path '*domb-receive.service.d' ! -path '/usr/lib/domb-test/*'",
  });
  assert.equal(well(of('xen')).trim(), 'none');
  assert.equal(well(of('units')).trim(), 'running');
  assert.match(well(of('status')), /^Installed: no manifest is installed on this host$/m);
  well(of('purge'));
  assert.equal(well(of('left')).trim(), '');
});
