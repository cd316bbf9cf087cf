import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { cpio } from '../../initramfs/cpio.ts';
import { finder } from '../../platform/demo/parts.ts';
import { buildBootImage } from '../../platform/images/domb.ts';
import { parseXlList } from '../../platform/judge/tool-output.ts';
import { type DomainDump, parseDomainDumps, xenLines } from '../../platform/judge/xen-dump.ts';
import {
  assertDelegation,
  delegationDomains,
  delegationImages,
  delegationPolicy,
  delegationQuestion,
  isBrokers,
} from './delegation.ts';
import { parseRamFrames } from './ram-frames.ts';
import {
  boot,
  ending,
  exampleManifest,
  failedChecks,
  outputDirectory,
  parts,
  temporaryFile,
  withMachine,
} from './support.ts';

const driver = 0x7f10;
const standby = 20;

/** A ramdisk of two segments, for the guest. */
const segments = 'name: standby\n    ramdisk: [message.cpio, guest.cpio.zst]\n';

/**
 * A domain with fewer event channels than its kernel needs. It has no early console: the kernel's panic would be taken for
 * that of the platform.
 */
const starved = `
  - name: starved
    domid: 22
    cmdline: console=hvc0
    max_event_channels: 3
    autostart: false
`;

/** A domain that cannot be built. */
const dispensable = `
  - name: dispensable
    domid: 21
    kernel: no-kernel
    critical: false
`;
/** When dom0 has the machine already, a script moves parts of it to the driver domain; the policy of this boot lets domB do so. */
const scripts = `
scripts:
  - { name: late, run: late.ts, at: after_create }
`;
const late = `export default async (boot) => {
  await boot.giveDevices('driver', { ioports: ['330-337'], iomem: ['ffffd,1'], irqs: [7] });
};
`;
const delegation = join(
  import.meta.dirname,
  '../../platform/policy/optional/delegation/delegation.te',
);

const notThere = [
  'dispensable is there, with its domid and label',
  'dispensable says that it works',
];

/** Starts what the manifest leaves paused, and waits until both have shown what becomes of them. */
const startPaused = `echo 'dom0: starts what is paused' >/dev/console
xl unpause ${standby} && xl unpause 22
tries=0
until xl dmesg | grep -q 'guest standby: alive' && xl list 22 | grep -q ' ....c'; do
  tries=$((tries + 1))
  [ "$tries" -le 180 ] || break
  sleep 1
done
xl list -Z`;

test('what a manifest says of memory, CPUs, limits, devices and starting is what Xen has', async (t) => {
  const name = 'driver-domain';
  const built = await parts();
  const kernel = await temporaryFile('no-kernel', Buffer.alloc(1 << 20, 'this is no kernel '));
  const message = await temporaryFile('message.cpio', unaligned('message', 'as a segment'));
  const script = await temporaryFile('late.ts', Buffer.from(late));
  const images = new Map([
    ...built.images,
    ...([
      ['no-kernel', kernel],
      ['message.cpio', message],
      ['late.ts', script],
    ] as const),
    ...(await delegationImages()),
  ]);
  const policy = await delegationPolicy(delegation);
  const manifest = (await exampleManifest(name))
    .replace('name: standby\n', segments)
    .replace('ramdisk: dom0.cpio.zst', 'ramdisk: [dom0.cpio.zst, prober.cpio.zst]');
  const further = [starved, delegationDomains, dispensable, scripts];
  const run = await boot(name, [manifest, ...further].join(''), {
    parts: { ...built, images, policy },
    xenKeys: ['g'],
    xenKeysAtEnd: ['q'],
    async converse(ask) {
      await ask('start-paused', startPaused);
      await ask('delegation', delegationQuestion);
    },
  });
  assert.deepEqual(failedChecks(run, [...notThere, 'no AVC denial on the console']), []);
  const { consoleText, answers } = run;
  const denials = consoleText.split('\n').filter((line) => /avc:\s+denied/.test(line));
  assert.deepEqual(
    denials.filter((line) => !isBrokers(line)),
    [],
  );
  const dumps = parseDomainDumps(consoleText);
  const dump = (domid: number): DomainDump =>
    dumps.get(domid) ?? assert.fail(`Xen said nothing about domain ${domid}`);

  await t.test('maxmem: Xen lets the domain grow to it, and its kernel does', () => {
    const slack = 256;
    assert.equal(dump(0).maxPages, 1024 * 256 + slack);
    assert.equal(dump(standby).maxPages, 160 * 256 + slack);
    assert.equal(dump(driver).maxPages, 96 * 256 + slack);
    assert.match(consoleText, /guest standby: has 98304 KiB/);
    assert.match(consoleText, /guest standby: ballooned to 147456 KiB/);
  });

  await t.test('cpus: the vCPUs are tied to them', () => {
    assert.deepEqual(dump(driver).affinities, ['1']);
    assert.deepEqual(dump(standby).affinities, ['0-1', '0-1']);
    assert.deepEqual(dump(0).affinities, ['0-1', '0-1']);
  });

  await t.test('grant limits', () => {
    assert.deepEqual(parseGrantLimits(consoleText, standby), [8, 0]);
    assert.deepEqual(parseGrantLimits(consoleText, driver), [64, 1024]);
  });

  await t.test(
    'ports, memory and interrupts belong to the driver domain and to nobody else, those as well that it was given after dom0 had them',
    () => {
      const { ioports, iomem, interrupts } = dump(driver);
      assert.deepEqual(
        { ioports, iomem, interrupts },
        { ioports: '300-307, 31f, 330-337', iomem: 'ffffd, fffff', interrupts: '5, 7' },
      );
      assert.match(dump(0).ioports, /-2ff, 308-31e, 320-32f, 338-/);
      // What does DMA for who has it (platform/images/command-lines.ts).
      assert.match(dump(0).ioports, /-50f, 51c-/);
      // Above 4 GiB there is RAM.
      assert.match(dump(0).iomem, /-ffffc, ffffe, (?!100000-)/);
      assert.match(dump(0).interrupts, /-4, 6, 8-/);
      assert.deepEqual([dump(standby).ioports, dump(standby).iomem], ['', '']);
    },
  );

  await t.test(
    'read back from Xen: it is what the manifest says, and all of it was asked for',
    () => {
      const ranges = 'I/O ports in 3 ranges, device memory in 2 ranges';
      const says = `read back driver: as it should be: 98304 KiB, 0 event channels, 0 grants, ${ranges} `;
      assert.ok(consoleText.includes(says), consoleText);
      assert.match(consoleText, /read back dom0: as it should be: .* I\/O ports in \d+ ranges/);
      assert.match(
        consoleText,
        /read back own: .* I\/O ports in 0 ranges, device memory in 0 ranges/,
      );
      assert.deepEqual(run.record.unread, []);
    },
  );

  await t.test(
    'at each of the eight places where Xen asks, policy decides who gives what he does not have',
    (t) => assertDelegation(t, consoleText),
  );

  await t.test("no domain has rights over RAM, and none over what is Xen's below 1 MiB", () => {
    const ram = parseRamFrames(consoleText);
    // Below 640 KiB, below 4 GiB, and above.
    assert.equal(ram.length, 3);
    for (const [domid, { iomem }] of dumps) {
      const rights = iomem.split(', ').filter((range) => range !== '');
      for (const range of rights) {
        const [first = Number.NaN, last = first] = range
          .split('-')
          .map((end) => Number.parseInt(end, 16));
        assert.ok(first <= last, range);
        for (const each of ram) {
          assert.ok(last < each.first || each.last < first, `domain ${domid} has ${range}`);
        }
      }
    }
    assert.match(dump(0).iomem, /^(9f|a0)-/);
  });

  await t.test('max_event_channels: with too few a kernel cannot start', () => {
    const listed = parseXlList(answers.output('start-paused'));
    const state = (domid: number) => listed.find((domain) => domain.domid === domid)?.state ?? '';
    assert.match(state(22), /c/, 'it crashed');
    // 63 are enough for two vCPUs.
    assert.doesNotMatch(state(standby), /[spcd]/);
  });

  await t.test('the driver domain uses its port and its memory', async () => {
    const written = await readFile(join(outputDirectory(name), 'debug-port.log'), 'latin1');
    assert.equal(written, 'driver\n');
    assert.match(consoleText, /guest driver: port reads e9/);
    // The processor's first instruction: a far jump, ea, to the firmware.
    assert.match(consoleText, /guest driver: memory reads 0x[0-9A-F]{6}EA/);
  });

  await t.test('ramdisk: the guest finds what is in each segment', () => {
    assert.match(consoleText, /guest standby: was told: as a segment/);
  });

  await t.test('critical: false: the boot goes on without the domain, and says so', () => {
    assert.match(consoleText, /domb: .*step "build dispensable": cannot build domain 21/);
    assert.match(consoleText, /domb: .*dispensable is not critical/);
    assert.deepEqual(
      run.record.abandoned.map(({ name, domid }) => [name, domid]),
      [['dispensable', 21]],
    );
    assert.ok(!dumps.has(21));
  });

  await t.test('autostart: false leaves a domain paused until dom0 starts it', () => {
    const listed = parseXlList(answers.output('xl-list'));
    assert.equal(listed.find(({ domid }) => domid === standby)?.state, '--p---');
    const [before = '', after = ''] = consoleText.split('dom0: starts what is paused');
    assert.doesNotMatch(before, /guest standby:/);
    assert.match(after, /guest standby: alive/);
  });
});

test("a boot that takes longer than its timeout is ended by Xen's watchdog", async () => {
  const name = 'timeout';
  const built = await parts();
  const text = (await exampleManifest('demo')).replace('platform:\n', 'platform:\n  timeout: 1s\n');
  const manifest = Buffer.from(text);
  const { initramfs } = await buildBootImage(manifest, `${name}.yaml`, finder(built.images));
  await withMachine(name, { parts: built, initramfs }, async (machine) => {
    const { console } = machine;
    await console.waitFor(/domb: .* set watchdog: 1 s left/, 300_000);
    await console.waitFor(/Watchdog timer fired for domain 32751/, 60_000, /domB halts now/);
    await console.waitFor(/rebooting machine/, 60_000);
    await ending(machine);
  });
});

/** An archive of one file, without the zeros at its end, so that what follows has to be aligned. */
function unaligned(path: string, text: string): Buffer {
  const archive = cpio([{ path, type: 'file', mode: 0o444, data: Buffer.from(`${text}\n`) }]);
  let end = archive.length;
  while (archive[end - 1] === 0) end--;
  // The name of the last entry keeps its terminating zero.
  const cut = archive.subarray(0, end + 1);
  assert.notEqual(cut.length % 4, 0);
  return cut;
}

/** The maxima of a domain's grant table and maptrack frames, as the debug key g shows them. */
function parseGrantLimits(consoleText: string, domid: number): number[] {
  const line = new RegExp(
    `grant-table for remote d${domid} .*\\n.* frames \\((\\d+) max\\), \\d+ maptrack frames \\((\\d+) max\\)`,
  );
  return (line.exec(xenLines(consoleText)) ?? []).slice(1).map(Number);
}
