import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { canonicalConfiguration } from '../../../boot-configs/canonical.ts';
import { loadManifest } from '../../../boot-configs/load.ts';
import type { Manifest } from '../../../boot-configs/manifest.ts';

const directory = new URL('../../../boot-configs/', import.meta.url);
const examples = readdirSync(directory).filter((name) => name.endsWith('.yaml'));

function example(name: string): Manifest {
  return loadManifest(readFileSync(new URL(name, directory)), name);
}

for (const name of examples) {
  test(`${name} is accepted, and its first line tells editors the schema`, () => {
    assert.ok(example(name).domains.length > 0);
    const text = readFileSync(new URL(name, directory), 'utf8');
    const [, schema] = /^# yaml-language-server: \$schema=(.*)\n/.exec(text) ?? [];
    assert.ok(schema !== undefined);
    JSON.parse(readFileSync(new URL(schema, directory), 'utf8'));
  });
}

test('the recovery domain is kept apart from those that start', () => {
  const { platform, domains, recovery } = example('recovery.yaml');
  assert.equal(platform.onFailure, 'recovery');
  assert.deepEqual(
    domains.map(({ name, onFailure }) => [name, onFailure]),
    [
      ['vtpm', undefined],
      ['dom0', undefined],
      ['bench', 'reboot'],
    ],
  );
  assert.equal(recovery?.name, 'rescue');
  assert.equal(recovery?.domid, 0);
});

test('the demo manifest means what the boot relies on', () => {
  assert.deepEqual(example('demo.yaml'), {
    version: 2,
    platform: {
      onFailure: 'halt',
      iommu: 'optional',
      measurement: { pcr: 13, bootPcr: 12, banks: [] },
      handover: { directory: '/domb-handover' },
    },
    domains: [
      {
        name: 'vtpm',
        domid: 0x7fe0,
        type: 'pv',
        memoryKiB: 128 * 1024,
        maxMemoryKiB: 128 * 1024,
        vcpus: 1,
        maxVcpus: 1,
        cpuid: [],
        nestedHvm: false,
        msrRelaxed: false,
        kernel: 'vmlinux',
        ramdisk: ['vtpm.cpio.zst'],
        cmdline: example('demo.yaml').domains[0]?.cmdline,
        seclabel: 'system_u:system_r:vtpm_t',
        capabilities: [],
        channels: [],
        limits: {},
        devices: { ioports: [], iomem: [], irqs: [] },
        pci: [],
        xenstore: false,
        console: false,
        digests: {},
        autostart: true,
        measurement: { pcr: 13, components: ['kernel', 'ramdisk', 'cmdline'] },
        critical: true,
      },
      {
        name: 'dom0',
        domid: 0,
        type: 'pv',
        memoryKiB: 1024 * 1024,
        maxMemoryKiB: 1024 * 1024,
        vcpus: 1,
        maxVcpus: 1,
        cpuid: [],
        nestedHvm: false,
        msrRelaxed: false,
        kernel: 'vmlinux',
        ramdisk: ['dom0.cpio.zst'],
        cmdline: example('demo.yaml').domains[1]?.cmdline,
        seclabel: 'system_u:system_r:dom0_t',
        capabilities: ['control', 'hardware', 'xenstore'],
        channels: [],
        limits: {},
        devices: { ioports: [], iomem: [], irqs: [] },
        pci: [],
        xenstore: false,
        console: false,
        digests: {},
        autostart: true,
        measurement: { pcr: 13, components: ['kernel', 'ramdisk', 'cmdline'] },
        critical: true,
      },
    ],
    scripts: [],
  });
});

test('the manifest for a late hardware domain is the demo but for the domid of dom0', () => {
  const late = example('late-hwdom.yaml');
  const demo = example('demo.yaml');
  const dom0 = demo.domains.find((domain) => domain.name === 'dom0');
  assert.ok(dom0);
  dom0.domid = 5;
  assert.deepEqual(late, demo);
});

test('the second manifest differs from the demo where the platform can differ', () => {
  const second = example('second.yaml');
  const demo = example('demo.yaml');
  assert.equal(second.domains.length, demo.domains.length + 2);
  assert.ok(second.domains.some((domain) => domain.type === 'pvh'));
  assert.notEqual(second.domains[0]?.domid, demo.domains[0]?.domid);
  assert.notEqual(second.platform.measurement.pcr, demo.platform.measurement.pcr);
  assert.notEqual(canonicalConfiguration(second), canonicalConfiguration(demo));
});

test('the manifest in the README is the demo but for its comments and settings', () => {
  const readme = readFileSync(new URL('../README.md', directory), 'utf8');
  const [, text = ''] = /```yaml\n(.*?)```/s.exec(readme) ?? [];
  const { domains } = loadManifest(Buffer.from(text), 'README.md');
  assert.deepEqual(domains, example('demo.yaml').domains);
});
