import assert from 'node:assert/strict';
import { test } from 'node:test';
import { found, load, refused } from './support.ts';

const text = `version: 2
defaults:
  type: pv
  memory: 64MiB
  vcpus: 2
  kernel: vmlinux
  ramdisk: guest.cpio
  seclabel: u:r:guest_t
  max_event_channels: 63
  digests: { kernel: "sha256:${'1'.repeat(64)}" }
domains:
  - { name: a, domid: 1 }
  - { name: b, domid: 2, memory: 32MiB, digests: { ramdisk: "sha256:${'2'.repeat(64)}" } }
  - { name: c, domid: 0, vcpus: 1, capabilities: [control, hardware, xenstore] }
`;

test('a domain has the defaults but for what it says itself', () => {
  const [a, b, c] = load(text).domains;
  assert.deepEqual(a, {
    name: 'a',
    domid: 1,
    type: 'pv',
    memoryKiB: 65536,
    maxMemoryKiB: 65536,
    vcpus: 2,
    maxVcpus: 2,
    cpuid: [],
    nestedHvm: false,
    msrRelaxed: false,
    kernel: 'vmlinux',
    ramdisk: ['guest.cpio'],
    cmdline: '',
    seclabel: 'u:r:guest_t',
    capabilities: [],
    channels: [],
    limits: { eventChannels: 63 },
    devices: { ioports: [], iomem: [], irqs: [] },
    pci: [],
    xenstore: false,
    console: false,
    digests: { kernel: `sha256:${'1'.repeat(64)}` },
    autostart: true,
    measurement: { pcr: 13, components: ['kernel', 'ramdisk', 'cmdline'] },
    critical: true,
  });
  assert.equal(b?.memoryKiB, 32768);
  assert.deepEqual(b?.digests, { ramdisk: [`sha256:${'2'.repeat(64)}`] }, 'values are not merged');
  assert.equal(c?.vcpus, 1);
});

test('what most guests share can be said once; the hardware domain says otherwise', () => {
  const shared = text.replace(
    'type: pv',
    'type: pv\n  xenstore: true\n  console: true\n  cpuid: host,sse3=0\n  autostart: false\n  critical: false',
  );
  const own =
    '{ name: c, xenstore: false, console: false, cpuid: host, autostart: true, critical: true,';
  const [a, b, c] = load(shared.replace('{ name: c,', own)).domains.toSorted((x, y) =>
    x.name < y.name ? -1 : 1,
  );
  for (const guest of [a, b]) {
    assert.equal(guest?.xenstore, true);
    assert.equal(guest.console, true);
    assert.deepEqual(guest.cpuid, [{ name: 'sse3', value: false }]);
    assert.equal(guest.autostart, false);
    assert.equal(guest.critical, false);
  }
  assert.deepEqual(
    [c?.xenstore, c?.console, c?.cpuid, c?.autostart, c?.critical],
    [false, false, [], true, true],
  );
  assert.deepEqual(
    refused(shared).problems.map(({ line, message, hint }) => [line, message, hint]),
    [
      ['4', 'xenstore', 'false', 'the hardware domain serves xenstore and consoles itself'],
      ['5', 'console', 'false', 'the hardware domain serves xenstore and consoles itself'],
      ['6', 'cpuid', 'host', 'the hardware domain sees the CPU as Xen shows it'],
      ['7', 'autostart', 'true', 'without the hardware domain there is nobody to start anything'],
      ['8', 'critical', 'true', 'without the hardware domain there is no platform'],
    ].map(([line, property, value, message]) => [
      Number(line),
      message,
      `remove "${property}"; where it comes from "defaults", write "${property}: ${value}" for the hardware domain`,
    ]),
  );
});

test('a mistake in a default is one problem, at the default', () => {
  assert.deepEqual(found(text.replace('64MiB', '64MB')), ['4:11 wrong-value defaults.memory']);
  assert.deepEqual(found(text.replace(': vmlinux', ': /vmlinux')), [
    '6:11 image-path domains[0].kernel',
  ]);
});

test('a default that no domain uses is checked as well', () => {
  assert.deepEqual(found(text.replace('type: pv', 'type: pv\n  cmdline: 5')), [
    '4:12 wrong-type defaults.cmdline',
  ]);
});

test('what identifies a domain can not be a default', () => {
  for (const key of [
    'name: a',
    'domid: 7',
    'uuid: x',
    'capabilities: []',
    'after: []',
    'ioports: []',
    'pci: []',
    'recovery: true',
  ]) {
    const name = key.split(':')[0];
    assert.deepEqual(found(text.replace('type: pv', `type: pv\n  ${key}`)), [
      `4:3 unknown-key defaults.${name}`,
    ]);
  }
});
