import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalConfiguration } from '../../../boot-configs/canonical.ts';
import { dom0, guest, load, manifest } from './support.ts';

test('the canonical configuration is sorted JSON of the effective manifest', () => {
  const text = canonicalConfiguration(load(manifest(dom0)));
  assert.equal(
    text,
    '{"domains":[{"autostart":true,"capabilities":["control","hardware","xenstore"],"channels":[],"cmdline":"",' +
      '"console":false,"cpuid":[],"critical":true,"devices":{"iomem":[],"ioports":[],"irqs":[]},"digests":{},"domid":0,"kernel":"vmlinux","limits":{},' +
      '"maxMemoryKiB":524288,"maxVcpus":1,"measurement":{"components":["kernel","ramdisk","cmdline"],"pcr":13},"memoryKiB":524288,"msrRelaxed":false,"name":"dom0","nestedHvm":false,"pci":[],"ramdisk":[],"seclabel":"system_u:system_r:dom0_t","type":"pv",' +
      '"vcpus":1,"xenstore":false}],"platform":{"handover":{"directory":"/domb-handover"},"iommu":"optional","measurement":{"banks":[],"bootPcr":12,"pcr":13},"onFailure":"halt"},"scripts":[],"version":2}',
  );
});

test('how a manifest is written does not show in its canonical configuration', () => {
  const plain = load(manifest(dom0 + guest({ vcpus: '1', cmdline: 'quiet', memory: '1GiB' })));
  const other = load(
    [
      '# a comment',
      'domains:',
      '  - {capabilities: [xenstore, hardware, control], seclabel: "system_u:system_r:dom0_t",',
      "     kernel: 'vmlinux', memory: 512MiB, type: pv, domid: 0x0, name: dom0}",
      '  - {memory: 1024MiB, cmdline: &c quiet, name: guest, domid: 0o1, after: [dom0]}',
      'defaults: {type: pv, kernel: vmlinux, seclabel: system_u:system_r:domU_t}',
      'platform: {on_failure: halt, measurement: {pcr: 0xd}}',
      'version: 2',
      '',
    ].join('\r\n'),
  );
  assert.equal(canonicalConfiguration(other), canonicalConfiguration(plain));
});

test('CPUs mean the same however they are listed, and "all" is what holds when nothing is said', () => {
  const canonical = (cpus?: string) =>
    canonicalConfiguration(load(manifest(dom0 + guest(cpus === undefined ? {} : { cpus }))));
  assert.equal(canonical('0-7,^4'), canonical('0-3,5-7'));
  assert.equal(canonical('0-7,^2-6,4,9'), canonical('0,1,4,7,9'));
  assert.equal(canonical('all'), canonical());
});

test('a negative zero is the domid 0', () => {
  const zero = canonicalConfiguration(load(manifest(dom0)));
  assert.equal(canonicalConfiguration(load(manifest(dom0.replace('domid: 0', 'domid: -0')))), zero);
  assert.equal(
    canonicalConfiguration(load(manifest(dom0.replace('domid: 0', 'domid: 0.0')))),
    zero,
  );
});

test('every property shows in the canonical configuration', () => {
  const base = canonicalConfiguration(load(manifest(dom0 + guest())));
  const changes: Record<string, string>[] = [
    { name: 'other' },
    { domid: '2' },
    { type: 'pvh' },
    { uuid: '5d2b1f1e-8f0e-4c9e-9d0a-1c7a5f3e2b11' },
    { memory: '129MiB' },
    { maxmem: '1GiB' },
    { type: 'hvm' },
    { vcpus: '2' },
    { type: 'pvh', maxvcpus: '2' },
    { cpuid: 'host,sse3=0' },
    { cpuid: 'host,sse3=1' },
    { cpuid: 'host,sse3=k' },
    { type: 'pvh', nestedhvm: 'true' },
    { msr_relaxed: 'true' },
    { cpus: '1' },
    { max_grant_frames: '32' },
    { max_maptrack_frames: '32' },
    { max_event_channels: '32' },
    { ioports: '["80"]' },
    { iomem: '["a0,1"]' },
    { irqs: '[5]' },
    { xenstore: 'true' },
    { xenstore: 'true', pci: '["00:05.0"]' },
    { xenstore: 'true', console: 'true' },
    { autostart: 'false' },
    { critical: 'false' },
    { kernel: 'other' },
    { ramdisk: 'guest.cpio' },
    { ramdisk: '[guest.cpio, more.cpio]' },
    { ramdisk: '[more.cpio, guest.cpio]' },
    { cmdline: 'quiet' },
    { seclabel: 'system_u:system_r:vtpm_t' },
    { digests: `{ kernel: "sha256:${'a'.repeat(64)}" }` },
  ];
  const texts = changes.map((change) =>
    canonicalConfiguration(load(manifest(dom0 + guest(change)))),
  );
  assert.equal(new Set([base, ...texts]).size, changes.length + 1);
  const pcr = load(manifest(dom0 + guest(), 'platform: { measurement: { pcr: 14 } }\n'));
  assert.notEqual(canonicalConfiguration(pcr), base);
  const scripts = ['at: after_start', 'at: before_start', 'at: after_start, timeout: 5s'].map(
    (more) => load(`${manifest(dom0 + guest())}scripts: [{ name: a, run: a.ts, ${more} }]\n`),
  );
  assert.equal(new Set([base, ...scripts.map(canonicalConfiguration)]).size, 4);
  for (const more of ['timeout: 60s', 'measurement: { banks: [sha384] }']) {
    const changed = load(manifest(dom0 + guest(), `platform: { ${more} }\n`));
    assert.notEqual(canonicalConfiguration(changed), base);
  }
  const reboot = load(manifest(dom0 + guest(), 'platform: { on_failure: reboot }\n'));
  assert.notEqual(canonicalConfiguration(reboot), base);
});
