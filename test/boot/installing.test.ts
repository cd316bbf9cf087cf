/**
 * A Debian host on which our packages and a manifest were installed, through firmware and GRUB: what is broken is tried once, and the host comes
 * back as it was, with the reason; domb is removed again, and Debian boots as before.
 */
import assert from 'node:assert/strict';
import { constants } from 'node:fs';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, QuestionLine } from '../../platform/machine/answers.ts';
import { usualMemoryMiB } from '../../platform/machine/boot-manifest.ts';
import { startMachine, type VirtualMachine } from '../../platform/machine/machine.ts';
import { type InstalledDebian, installedDebian } from './installed-debian.ts';
import { counted, outputDirectory } from './support.ts';

/** Milliseconds until a system of the disk takes questions. */
const patience = 600_000;
/** Milliseconds until it is down, services and all. */
const SHUTDOWN = 300_000;

let host: InstalledDebian;
let scratch: string;
let disk: string;
before(async () => {
  host = await installedDebian();
  scratch = await mkdtemp(join(tmpdir(), 'domb-installing-'));
  disk = join(scratch, 'disk');
  await copyFile(host.disk, disk, constants.COPYFILE_FICLONE);
});
after(() => rm(scratch, { recursive: true, force: true }));

/** Starts the machine with the disk as the boot before has left it. */
function started<T>(name: string, look: (machine: VirtualMachine) => Promise<T>): Promise<T> {
  return counted(name, async () => {
    const machine = await startMachine({
      directory: outputDirectory(name),
      start: { efi: (to) => copyFile(host.efi, to), secureBoot: false, readsDisk: true },
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
function asked<const Name extends string>(name: string, questions: Readonly<Record<Name, string>>) {
  return started(name, async (machine) => {
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
  });
}

const well = ({ status, output }: Answer): string => {
  assert.equal(status, 0, output);
  return output;
};

test('the installation says what it does, and what changes in the PCRs', () => {
  const { said } = host;
  assert.match(said, /^Manifest: \/root\/host\.yaml, with 1 domains: dom0$/m);
  assert.match(said, /^domB's memory: \d+ MiB$/m);
  assert.match(said, /^PCR 13 will be sha256:[0-9a-f]{64}$/m);
  assert.match(said, /^Release [0-9a-f]{12} is tried once, at the next boot/m);
  // The hook of initramfs-tools, in the same words.
  assert.equal(said.match(/^Release [0-9a-f]{12} (is tried once|.*already)/gm)?.length, 2, said);
});

test('a release that is broken ends in a reboot', async () => {
  await started('installing-broken', async (machine) => {
    await machine.console.waitFor(/Xen version 4\.17/, patience);
    await Promise.race([
      machine.ended,
      machine.console.waitFor(/dom0: takes questions/, patience).then(
        () => assert.fail('it came up'),
        () => machine.ended,
      ),
    ]);
    const text = machine.console.lines.map((line) => line.text).join('\n');
    assert.match(text, /Boot domain d\d+ failed|Kernel panic/);
  });
});

test('then the host is as it was before domb, knows what failed, and is left without a trace', async () => {
  const { of } = await asked('installing-back', {
    xen: 'cat /sys/hypervisor/type 2>/dev/null || echo none',
    units: 'systemctl list-units --failed --no-legend --plain',
    status: 'domb status',
    gone: 'ls /boot/domb',
    list: 'domb list',
    uninstall: 'domb uninstall --yes 2>&1',
    left: `ls -d /boot/domb /etc/domb /var/lib/domb /etc/default/grub.d/domb.cfg 2>/dev/null
grep -c domb- /boot/grub/grub.cfg
grub-editenv - list`,
  });
  assert.equal(well(of('xen')).trim(), 'none');
  assert.equal(well(of('units')).trim(), '');
  const { status, output } = of('status');
  assert.equal(status, 1, output);
  assert.match(output, /^This boot: not started by domB$/m);
  assert.match(output, /^Default: as before domb$/m);
  assert.match(
    output,
    /^Last failure: \S+, release [0-9a-f]{12}\n {2}the boot loader has started it/m,
  );
  assert.equal(well(of('gone')).trim(), '');
  assert.match(of('list').output, /cannot reach a Xen hypervisor/);
  assert.match(
    well(of('uninstall')),
    /^Removed\. From the next boot on this host boots as before domb$/m,
  );
  assert.deepEqual(well(of('left')).trim().split('\n'), ['0']);
});

test('and the host boots as before domb', async () => {
  const { of } = await asked('installing-gone', {
    xen: 'cat /sys/hypervisor/type 2>/dev/null || echo none',
    units: 'systemctl is-system-running --wait; systemctl list-units --failed --no-legend --plain',
    status: 'domb status',
  });
  assert.equal(well(of('xen')).trim(), 'none');
  assert.equal(of('units').output.trim(), 'running');
  assert.match(well(of('status')), /^Installed: no manifest is installed on this host$/m);
});
