import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { before, test } from 'node:test';
import { finder, type Parts } from '../../platform/demo/parts.ts';
import type { PlatformRun } from '../../platform/demo/platform-run.ts';
import type { Ask } from '../../platform/machine/answers.ts';
import type { VirtualMachine } from '../../platform/machine/machine.ts';
import { Disk } from './disk.ts';
import { DmaDevice } from './dma-device.ts';
import { Hardware, PAGE } from './exposed-hardware.ts';
import { reserve } from './reserved-memory.ts';
import { boot, exampleManifest, failedChecks, parts } from './support.ts';

/** A network card without a network, where the manifest has it. */
const card = 'e1000,addr=05.0';
/** Where the device is that does what it wants. */
const slot = 6;
/** Where one like it is for which firmware reserved a page, which it may reach at any time. */
const reservedSlot = 7;
const RESERVED = 0x7ffe_0000;
/** Memory that nobody uses when Xen starts: it is at the top of memory then, and so are its modules. */
const SPARE = 0x5000_0000;

const questions = {
  // Its module is loaded by the guest as soon as it runs; the device is found a little later.
  console:
    'for i in $(seq 60); do grep -q "has PCI" /var/log/xen/console/guest-net.log && break; sleep 1; done; cat /var/log/xen/console/guest-net.log',
  listed: 'xl pci-list net',
  again: 'domb introduce',
};

let built: Parts;
before(async () => {
  built = await parts();
});

const image = async (name: string) => readFile(await finder(built.images)(name));
/** Pages of a file, all over it. A page that begins with zeros may be any. */
const pagesOf = (file: Buffer, count: number, start = 0) =>
  Array.from({ length: count }, (_, index) => {
    const at =
      start + Math.floor(((file.length - start) * (index + 1)) / (count + 2) / PAGE) * PAGE;
    return Buffer.from(file.subarray(at, at + PAGE));
  }).filter((page) => page.length === PAGE && page.readUInt32LE() !== 0);

/** Has the device write into pages, and tells which of them changed. */
async function changedBy(device: DmaDevice, hardware: Hardware, pages: readonly number[]) {
  const changed: number[] = [];
  for (const page of pages) {
    const was = await hardware.peek(page, PAGE);
    await device.put(page);
    if (!(await hardware.peek(page, PAGE)).equals(was)) changed.push(page);
  }
  return changed;
}

/** The page that tells a pv guest of itself begins with its format, and holds its command line (start_info in xen.h). */
function isStartInfo(memory: Buffer, at: number): boolean {
  if (memory.toString('latin1', at, at + 4) !== 'xen-') return false;
  const page = memory.subarray(at, at + PAGE).toString('latin1');
  return page.startsWith('xen-3.0-x86_64') && page.includes('domb.name=net ');
}

/** Plays a device that attacks before domB has measured anything: it writes into dom0's ramdisk, and reads it. */
async function attackEarly({ console, hardware: exposed }: VirtualMachine, ramdisk: Buffer) {
  await console.waitFor(/Xen version/, 120_000);
  const hardware = await Hardware.open(exposed ?? assert.fail('the machine is not exposed'));
  const device = new DmaDevice(hardware, slot);
  // Nothing holds it back yet.
  const marker = randomBytes(DmaDevice.bytes);
  await hardware.poke(SPARE, marker);
  await device.take(SPARE);
  await device.put(SPARE + PAGE);
  const works = (await hardware.peek(SPARE + PAGE, DmaDevice.bytes)).equals(marker);
  await reserve(hardware, reservedSlot, RESERVED);
  const reserving = new DmaDevice(hardware, reservedSlot);
  await reserving.take(SPARE);
  // Images are where they stay as soon as Linux has unpacked them.
  await console.waitFor(/phase "bring up"/, 240_000);
  const pages = await hardware.somePagesWith(...pagesOf(ramdisk, 3));
  const changed = await changedBy(device, hardware, pages);
  const [target = SPARE] = pages;
  const secret = await hardware.peek(target, DmaDevice.bytes);
  await device.take(target);
  const reserved = await changedBy(reserving, hardware, [RESERVED, target]);
  return { hardware, device, reserving, works, pages, changed, reserved, secret };
}

type Early = Awaited<ReturnType<typeof attackEarly>>;

/** What it can do when dom0 has it: reach dom0's memory, and nothing else. */
async function attackLater({ hardware, device, reserving, secret }: Early, ask: Ask) {
  const make = async (name: string) => {
    const { output } = await ask(
      name,
      `head -c ${PAGE} /dev/urandom >/run/${name}; base64 /run/${name}`,
    );
    const pages = await hardware.pagesWith(Buffer.from(output, 'base64'));
    return { page: pages[0] ?? assert.fail(`/run/${name} is nowhere in memory`), pages };
  };
  const head = async (name: string, file: string) => {
    const { output } = await ask(name, `head -c ${DmaDevice.bytes} /run/${file} | base64`);
    return Buffer.from(output, 'base64');
  };
  const [one, other] = [await make('dma-one'), await make('dma-other')];
  // What it holds since it tried to read dom0's ramdisk.
  for (const page of other.pages) await device.put(page);
  const taken = await head('taken', 'dma-other');
  await device.take(one.page);
  for (const page of other.pages) await device.put(page);
  const copied = (await head('copied', 'dma-other')).equals(await head('original', 'dma-one'));
  const guest = await hardware.pagesWhere(isStartInfo);
  // Multiboot's ELF file has its one segment behind its headers.
  const xen = await readFile(built.hypervisor);
  const hypervisor = await hardware.pagesWith(...pagesOf(xen, 100, xen.readUInt32LE(0x34 + 4)));
  // What it wrote before is there still.
  await hardware.poke(RESERVED, randomBytes(DmaDevice.bytes));
  return {
    stolen: taken.equals(secret),
    copied,
    pages: { guest, hypervisor },
    reserved: await changedBy(reserving, hardware, [RESERVED, ...guest]),
    changed: await changedBy(device, hardware, [...guest, ...hypervisor.slice(0, 3)]),
  };
}

/** Addresses of device accesses that Xen says it refused, by their line on the console. */
function refused({ consoleText }: PlatformRun): Map<number, number> {
  const lines = consoleText.split('\n');
  return new Map(
    lines.flatMap((line, index) => {
      const [, address] =
        /DMA (?:Write|Read)\] Request device \[0000:00:06.0\] fault addr ([0-9a-f]+)/.exec(line) ??
        [];
      return address === undefined ? [] : [[Number.parseInt(address, 16), index]];
    }),
  );
}

test('boot-configs/pci.yaml: behind an IOMMU, a guest gets a PCI device, dom0 all others, and none reaches more than its domain', async (t) => {
  const disk = await Disk.make(t);
  const ramdisk = await image('dom0.cpio.zst');
  let early: Promise<Early> | undefined;
  let later: Awaited<ReturnType<typeof attackLater>> | undefined;
  const run = await boot('pci', await exampleManifest('pci'), {
    parts: built,
    devices: ['intel-iommu', card, DmaDevice.argument(slot), DmaDevice.argument(reservedSlot)],
    disk: disk.file,
    xenKeys: ['Q'],
    exposed: true,
    started(machine) {
      early = attackEarly(machine, ramdisk);
      early.catch(() => {});
    },
    async converse(ask) {
      await disk.check(ask);
      for (const [name, script] of Object.entries(questions)) {
        await ask(name, script);
      }
      const found = (await early) ?? assert.fail('nobody attacked');
      later = await attackLater(found, ask);
      await found.hardware.close();
    },
  });
  const said = (name: keyof typeof questions) => run.answers.output(name);
  assert.deepEqual(failedChecks(run), []);
  assert.match(run.consoleText, /net \(domain 32544\) got 0000:00:05.0/);
  // 8086:100e is what the card says of itself.
  assert.match(said('console'), /guest net: has PCI device \S+ 0x8086 0x100e/);
  assert.match(said('listed'), /0000:00:05\.0/);
  assert.match(run.consoleText, /0000:00:05\.0 - d32544 /);
  assert.equal(said('again'), 'net (domain 32544) was introduced\n');
  assert.doesNotMatch(run.consoleText, /avc:\s+denied/);

  const before = (await early) ?? assert.fail('nobody attacked');
  const faults = refused(run);
  const lines = run.consoleText.split('\n');
  const measuring = lines.findIndex((line) => /measure dom0 ramdisk/.test(line));
  assert.ok(before.works, 'the device reaches no memory even where nothing holds it back');
  assert.ok(before.pages.length > 0, "dom0's ramdisk is nowhere in memory");
  assert.deepEqual(before.changed, [], 'the device changed an image before it was measured');
  for (const page of before.pages) {
    const line = faults.get(page) ?? assert.fail(`Xen says nothing of ${page.toString(16)}`);
    assert.ok(line < measuring, 'the attack came too late');
  }
  assert.deepEqual(before.reserved, [RESERVED], 'what firmware reserved for a device');
  const after = later ?? assert.fail('nobody attacked later');
  assert.ok(!after.stolen, 'the device read an image');
  assert.ok(after.copied, "dom0's device does not reach dom0's memory");
  assert.ok(after.pages.guest.length > 0, "the guest's command line is nowhere in memory");
  assert.ok(after.pages.hypervisor.length > 0, 'nothing of Xen is in memory');
  assert.deepEqual(after.changed, [], "dom0's device changed memory that is not dom0's");
  assert.deepEqual(after.reserved, [RESERVED], 'what firmware reserved for a device of dom0');
  for (const page of [after.pages.guest[0], after.pages.hypervisor[0]]) {
    assert.ok(faults.has(page ?? 0), `Xen says nothing of ${page?.toString(16)}`);
  }

  // A verifier learns of it from what domB measured.
  const measured = run.verdict.bootEvents?.find(({ event }) => event === 'hypervisor');
  assert.equal(measured?.event === 'hypervisor' && measured.dma, 'confined');
  assert.ok(!run.verdict.gaps.some(({ gap }) => gap === 'dma'));
});
