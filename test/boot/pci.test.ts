import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Answer } from '../../platform/machine/answers.ts';
import { Disk } from './disk.ts';
import { boot, exampleManifest, failedChecks, parts } from './support.ts';

/** A network card without a network, where the manifest has it. */
const card = 'e1000,addr=05.0';

const questions = {
  // Its module is loaded by the guest as soon as it runs; the device is found a little later.
  console:
    'for i in $(seq 60); do grep -q "has PCI" /var/log/xen/console/guest-net.log && break; sleep 1; done; cat /var/log/xen/console/guest-net.log',
  listed: 'xl pci-list net',
  holder: 'xl debug-keys Q; sleep 2; xl dmesg | tail -n 20',
  again: 'domb introduce',
};

test('boot-configs/pci.yaml: behind an IOMMU, a guest gets a PCI device, and dom0 all others', async (t) => {
  const disk = await Disk.make(t);
  const answers = new Map<string, Answer>();
  const run = await boot('pci', await exampleManifest('pci'), {
    parts: await parts(),
    devices: ['intel-iommu', card],
    disk: disk.file,
    hypervisorOptions: ['boot-domain', 'iommu=verbose'],
    async converse(ask) {
      await disk.check(ask);
      for (const [name, script] of Object.entries(questions)) {
        answers.set(name, await ask(name, script, 400_000));
      }
    },
  });
  const said = (name: keyof typeof questions) => answers.get(name)?.output ?? '';
  assert.deepEqual(failedChecks(run), []);
  // Xen's VT-d driver switches it on for a hardware domain that asks for it, so that all domains are safe from each other's devices.
  assert.match(run.consoleText, /VT-D\]iommu_enable_translation/);
  assert.match(run.consoleText, /net \(domain 32544\) got 0000:00:05.0/);
  // 8086:100e is what the card says of itself.
  assert.match(said('console'), /guest net: has PCI device \S+ 0x8086 0x100e/);
  assert.match(said('listed'), /0000:00:05\.0/);
  assert.match(said('holder'), /0000:00:05\.0 - d32544 /);
  assert.equal(said('again'), 'net (domain 32544) was introduced\n');
  assert.doesNotMatch(run.consoleText, /avc:\s+denied/);
});

test('without an IOMMU no domain gets a PCI device', async () => {
  await assert.rejects(
    boot('pci-without-iommu', await exampleManifest('pci'), {
      parts: await parts(),
      devices: [card],
    }),
    /cannot create domain 32544 \("net"\): this Xen uses no IOMMU/,
  );
});
