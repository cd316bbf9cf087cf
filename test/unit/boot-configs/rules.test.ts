/**
 * The edges of every rule: the last value that is allowed and the first that is not. Their messages are the matter of
 * boot-configs/invalid/.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dom0, found, guest, load, manifest } from './support.ts';

interface Edge {
  rule: string;
  path: string;
  good: string[];
  bad: string[];
}

const withGuest = (more: Record<string, string>, before = ''): string =>
  manifest(dom0 + guest(more), before);
const withComponents = (components: string): string =>
  withGuest({ measurement: `{ components: ${components} }` });
const pinned = (components: string): string =>
  withGuest({
    measurement: `{ components: ${components} }`,
    ramdisk: 'guest.cpio',
    digests: `{ ramdisk: "sha256:${hex(64)}" }`,
  });
const second = (more: Record<string, string>): string =>
  guest({ name: 'second', domid: '2', ...more });
const withPcr = (pcr: string): string =>
  manifest(dom0, `platform: { measurement: { pcr: ${pcr} } }\n`);
const platform = (more: string): string => `platform: { ${more} }\n`;
const withScript = (more: string): string =>
  `${manifest(dom0)}scripts: [{ name: a, run: a.ts, at: after_start }, { ${more} }]\n`;
/** Two guests with a device each, the first with 00:05.0. */
const withPci = (device: string): string =>
  manifest(
    dom0 +
      guest({ xenstore: 'true', pci: '["00:05.0"]' }) +
      second({ xenstore: 'true', pci: `["${device}"]` }),
  );
const uuid = '5d2b1f1e-8f0e-4c9e-9d0a-1c7a5f3e2b11';
const hex = (length: number): string => 'ab'.repeat(length / 2);

/** A recovery domain without faults. */
const rescue = (more: Record<string, string>): string =>
  guest({
    name: 'rescue',
    domid: '0',
    recovery: 'true',
    seclabel: 'system_u:system_r:dom0_t',
    capabilities: '[control, hardware, xenstore]',
    ...more,
  });
const wanted = platform('on_failure: recovery');
const withRescue = (more: Record<string, string>): string => manifest(dom0 + rescue(more), wanted);

const served = (more: Record<string, string>): string =>
  withGuest({ xenstore: 'true' }) + second({ xenstore: 'true', vtpm: 'guest', ...more });

const handover = (directory: string): string =>
  manifest(dom0, `platform: { handover: { directory: ${directory} } }\n`);

const edges: Edge[] = [
  {
    rule: 'handover-directory',
    path: 'platform.handover.directory',
    good: ['/usr/run', '/inits', '/library/x', '/domb-handover'].map(handover),
    bad: ['/init', '/run', '/lib64/x', '/tmp/a/b'].map(handover),
  },
  {
    rule: 'wrong-value',
    path: 'platform.handover.directory',
    good: ['/a', '/_a.b-c/d..', `/${'a'.repeat(199)}`].map(handover),
    bad: ['/', 'a', '/a/', '//a', '/a/../b', '/.a', '/-a', '"/a b"', `/${'a'.repeat(200)}`].map(
      handover,
    ),
  },
  {
    rule: 'vtpm-backend',
    path: 'domains[2].vtpm',
    good: [served({}), served({ after: '[guest]' })],
    bad: [
      ...['second', 'dom0', 'nobody'].map((vtpm) => served({ vtpm })),
      withGuest({ type: 'pvh', xenstore: 'true' }) + second({ xenstore: 'true', vtpm: 'guest' }),
    ],
  },
  {
    rule: 'vtpm-critical',
    path: 'domains[2].vtpm',
    good: [
      served({ critical: 'false' }),
      withGuest({ xenstore: 'true', critical: 'false' }) +
        second({ xenstore: 'true', vtpm: 'guest', critical: 'false' }),
    ],
    bad: [
      withGuest({ xenstore: 'true', critical: 'false' }) +
        second({ xenstore: 'true', vtpm: 'guest' }),
    ],
  },
  {
    rule: 'vtpm-xenstore',
    path: 'domains[2].vtpm',
    good: [served({})],
    bad: [
      served({ xenstore: 'false' }),
      withGuest({}) + second({ xenstore: 'true', vtpm: 'guest' }),
    ],
  },
  {
    rule: 'vtpm-order',
    path: 'domains[1].vtpm',
    good: [
      withGuest({ xenstore: 'true', vtpm: 'second', after: '[second]' }) +
        second({ xenstore: 'true' }),
      withGuest({ xenstore: 'true', vtpm: 'second', autostart: 'false' }) +
        second({ xenstore: 'true' }),
    ],
    bad: [withGuest({ xenstore: 'true', vtpm: 'second' }) + second({ xenstore: 'true' })],
  },
  {
    rule: 'pcr-choice',
    path: 'platform.measurement.pcr',
    good: [withPcr('8'), withPcr('15')],
    bad: [withPcr('0'), withPcr('7'), withPcr('16'), withPcr('23')],
  },
  {
    rule: 'wrong-value',
    path: 'platform.measurement.pcr',
    good: [withPcr('13')],
    bad: [withPcr('-1'), withPcr('24')],
  },
  {
    rule: 'wrong-value',
    path: 'platform.timeout',
    good: ['1s', '9999s'].map((timeout) => manifest(dom0, platform(`timeout: ${timeout}`))),
    bad: ['0s', '10000s', '1m', '"60"', '1.5s'].map((timeout) =>
      manifest(dom0, platform(`timeout: ${timeout}`)),
    ),
  },
  {
    rule: 'timeout-domid',
    path: 'platform.timeout',
    good: [manifest(dom0, platform('timeout: 9s'))],
    bad: [manifest(dom0.replace('domid: 0', 'domid: 5'), platform('timeout: 9s'))],
  },
  {
    rule: 'wrong-value',
    path: 'platform.measurement.banks[1]',
    good: [manifest(dom0, platform('measurement: { banks: [sha256, sha384, sha256] }'))],
    bad: ['sha1', 'sha-256', 'SHA256'].map((bank) =>
      manifest(dom0, platform(`measurement: { banks: [sha256, ${bank}] }`)),
    ),
  },
  {
    rule: 'domid-range',
    path: 'domains[1].domid',
    good: ['1', '0x7EFF', '0x7F00', '0x7FEE'].map((domid) => withGuest({ domid })),
    bad: ['0x7FEF', '0x7FF0', '0x7FFF', '65535'].map((domid) => withGuest({ domid })),
  },
  {
    rule: 'domid-zero',
    path: 'domains[1].domid',
    good: [manifest(dom0), manifest(dom0.replace('domid: 0', 'domid: 5'))],
    bad: [manifest(dom0.replace('domid: 0', 'domid: 5') + guest({ domid: '0' }))],
  },
  {
    rule: 'memory-size',
    path: 'domains[1].memory',
    good: ['16MiB', '1GiB', '15TiB', '16777215MiB'].map((memory) => withGuest({ memory })),
    bad: ['0MiB', '15MiB', '16TiB', '16777216MiB'].map((memory) => withGuest({ memory })),
  },
  {
    rule: 'wrong-value',
    path: 'domains[1].memory',
    good: [withGuest({ memory: '"64MiB"' })],
    bad: ['"64"', '64 MiB', '64mib', '64KiB', '64M', '1e3MiB', '0x40MiB'].map((memory) =>
      withGuest({ memory }),
    ),
  },
  {
    rule: 'vcpu-count',
    path: 'domains[1].vcpus',
    good: [
      withGuest({ type: 'pvh', vcpus: '127' }),
      withGuest({ type: 'hvm', vcpus: '127' }),
      withGuest({ vcpus: '8192' }),
    ],
    bad: ['pvh', 'hvm'].map((type) => withGuest({ type, vcpus: '128' })),
  },
  {
    rule: 'maxvcpus',
    path: 'domains[1].maxvcpus',
    good: [
      withGuest({ type: 'pvh', maxvcpus: '127' }),
      withGuest({ type: 'hvm', vcpus: '2', maxvcpus: '2' }),
      withGuest({ vcpus: '2', maxvcpus: '2' }),
      withGuest({ maxvcpus: '2', xenstore: 'true' }),
    ],
    bad: [
      withGuest({ type: 'pvh', vcpus: '3', maxvcpus: '2' }),
      withGuest({ maxvcpus: '2' }),
      withGuest({ maxvcpus: '2', xenstore: 'false' }),
    ],
  },
  {
    rule: 'cpuid',
    path: 'domains[1].cpuid',
    good: ['host', 'host,sse3=0', 'host,SSE4_1=1,invtsc=k'].map((cpuid) => withGuest({ cpuid })),
    bad: ['host,sse5=0', 'host,sse3=0,SSE3=1', 'host,constructor=0'].map((cpuid) =>
      withGuest({ cpuid }),
    ),
  },
  {
    rule: 'wrong-value',
    path: 'domains[1].cpuid',
    good: [],
    bad: ['sse3=0', 'host,sse3', 'host,sse3=2', 'host, sse3=0', 'host,'].map((cpuid) =>
      withGuest({ cpuid }),
    ),
  },
  {
    rule: 'nestedhvm',
    path: 'domains[1].nestedhvm',
    good: [
      withGuest({ type: 'hvm', nestedhvm: 'true' }),
      withGuest({ nestedhvm: 'false', msr_relaxed: 'true' }),
    ],
    bad: [withGuest({ nestedhvm: 'true' })],
  },
  {
    rule: 'wrong-value',
    path: 'domains[1].vcpus',
    good: [withGuest({ vcpus: '1' })],
    bad: ['0', '-1', '8193'].map((vcpus) => withGuest({ vcpus })),
  },
  {
    rule: 'cmdline-length',
    path: 'domains[1].cmdline',
    good: [
      withGuest({ cmdline: 'x'.repeat(1023) }),
      withGuest({ type: 'pvh', cmdline: 'x'.repeat(2047) }),
    ],
    bad: [
      withGuest({ cmdline: 'x'.repeat(1024) }),
      withGuest({ type: 'pvh', cmdline: 'x'.repeat(2048) }),
    ],
  },
  {
    rule: 'wrong-value',
    path: 'domains[1].cmdline',
    good: [withGuest({ cmdline: '"a \\\\ \\" ~"' })],
    bad: ['"a\\nb"', '"\\t"', '"\\0"', 'caf\u00e9', '"\\u202e"', '|\n      a\n      b'].map(
      (cmdline) => withGuest({ cmdline }),
    ),
  },
  {
    rule: 'image-path',
    path: 'domains[1].ramdisk',
    good: ['a', 'a/b.cpio', '..a', 'a..b/c', '.a'].map((ramdisk) => withGuest({ ramdisk })),
    bad: ['/a', '..', 'a/..', '../a', 'a//b', 'a/', './a', 'a/./b'].map((ramdisk) =>
      withGuest({ ramdisk }),
    ),
  },
  {
    rule: 'wrong-value',
    path: 'domains[1].kernel',
    good: [withGuest({ kernel: 'k'.repeat(255) })],
    bad: ['""', 'a b', 'k'.repeat(256), '"a\\0b"'].map((kernel) => withGuest({ kernel })),
  },
  {
    rule: 'wrong-value',
    path: 'domains[1].name',
    good: ['a', '9lives', 'a.b-c_d', 'A'.repeat(63)].map((name) => withGuest({ name })),
    bad: ['"9"', '-a', '.a', 'a b', 'a/b', 'A'.repeat(64), '""'].map((name) => withGuest({ name })),
  },
  {
    rule: 'wrong-value',
    path: 'domains[1].seclabel',
    good: ['u:r:t', 'system_u:object_r:domU_t'].map((seclabel) => withGuest({ seclabel })),
    bad: ['t', 'u:t', 'u:r:t:s0', ':r:t', '"u:r:"', 'u:r:1t', '"u:r:t "'].map((seclabel) =>
      withGuest({ seclabel }),
    ),
  },
  {
    rule: 'uuid-nil',
    path: 'domains[1].uuid',
    good: [withGuest({ uuid }), withGuest({ uuid: '00000000-0000-0000-0000-000000000001' })],
    bad: [withGuest({ uuid: '00000000-0000-0000-0000-000000000000' })],
  },
  {
    rule: 'duplicate-uuid',
    path: 'domains[2].uuid',
    good: [manifest(dom0 + guest({ uuid }) + guest({ name: 'b', domid: '2' }))],
    bad: [
      manifest(dom0 + guest({ uuid }) + guest({ name: 'b', domid: '2', uuid: uuid.toUpperCase() })),
    ],
  },
  {
    rule: 'duplicate-name',
    path: 'domains[1].name',
    good: [withGuest({ name: 'Dom0' })],
    bad: [withGuest({ name: 'dom0' })],
  },
  {
    rule: 'duplicate-domid',
    path: 'domains[2].domid',
    good: [manifest(dom0 + guest() + guest({ name: 'b', domid: '2' }))],
    bad: [manifest(dom0 + guest() + guest({ name: 'b', domid: '0x1' }))],
  },
  {
    rule: 'hardware-domain',
    path: 'domains',
    good: [manifest(dom0)],
    bad: [manifest(guest()), manifest(dom0.replace(/ {4}cap.*/, ''))],
  },
  {
    rule: 'hardware-domain',
    path: 'domains[1].capabilities',
    good: [manifest(dom0 + guest({ capabilities: '[]' }))],
    bad: [withGuest({ capabilities: '[control, hardware, xenstore]' })],
  },
  {
    rule: 'hardware-type',
    path: 'domains[0].type',
    good: [manifest(dom0)],
    bad: [manifest(dom0.replace('type: pv', 'type: pvh'))],
  },
  {
    rule: 'capabilities-together',
    path: 'domains[0].capabilities',
    good: [manifest(dom0.replace('control, hardware, xenstore', 'xenstore, hardware, control'))],
    bad: [manifest(dom0.replace('control, hardware', 'hardware'))],
  },
  {
    rule: 'capabilities-together',
    path: 'domains[1].capabilities',
    good: [withGuest({ capabilities: '[]' })],
    bad: [withGuest({ capabilities: '[control]' }), withGuest({ capabilities: '[xenstore]' })],
  },
  {
    rule: 'capability-twice',
    path: 'domains[0].capabilities[3]',
    good: [manifest(dom0)],
    bad: [manifest(dom0.replace('xenstore]', 'xenstore, control]'))],
  },
  {
    rule: 'digest-target',
    path: 'domains[1].digests.ramdisk',
    good: [withGuest({ ramdisk: 'r', digests: `{ ramdisk: "sha256:${hex(64)}" }` })],
    bad: [withGuest({ digests: `{ ramdisk: "sha256:${hex(64)}" }` })],
  },
  {
    rule: 'digest-target',
    path: 'domains[1].digests.ramdisk',
    good: [
      withGuest({ ramdisk: '[r]', digests: `{ ramdisk: "sha256:${hex(64)}" }` }),
      withGuest({
        ramdisk: '[r, s]',
        digests: `{ ramdisk: ["sha256:${hex(64)}", "sha384:${hex(96)}"] }`,
      }),
    ],
    bad: [
      withGuest({ ramdisk: '[r, s]', digests: `{ ramdisk: "sha256:${hex(64)}" }` }),
      withGuest({ ramdisk: '[r, s]', digests: `{ ramdisk: ["sha256:${hex(64)}"] }` }),
      withGuest({ ramdisk: 'r', digests: '{ ramdisk: [] }' }),
    ],
  },
  {
    rule: 'image-path',
    path: 'domains[1].ramdisk[1]',
    good: [withGuest({ ramdisk: '[a, b]' })],
    bad: [withGuest({ ramdisk: '[a, ../b]' }), withGuest({ ramdisk: '[a, /b]' })],
  },
  {
    rule: 'wrong-value',
    path: 'domains[1].ramdisk',
    good: [withGuest({ ramdisk: `[${'r, '.repeat(15)}r]` })],
    bad: [withGuest({ ramdisk: '[]' }), withGuest({ ramdisk: `[${'r, '.repeat(16)}r]` })],
  },
  {
    rule: 'wrong-value',
    path: 'domains[1].digests.kernel',
    good: [`sha256:${hex(64)}`, `sha384:${hex(96)}`, `sha512:${hex(128)}`].map((digest) =>
      withGuest({ digests: `{ kernel: "${digest}" }` }),
    ),
    bad: [`sha256:${hex(62)}`, `sha256:${hex(96)}`, `sha1:${hex(40)}`, hex(64)].map((digest) =>
      withGuest({ digests: `{ kernel: "${digest}" }` }),
    ),
  },
  {
    rule: 'maxmem',
    path: 'domains[1].maxmem',
    good: ['128MiB', '129MiB', '15TiB'].map((maxmem) => withGuest({ maxmem })),
    bad: [
      withGuest({ maxmem: '127MiB' }),
      withGuest({ maxmem: '16TiB' }),
      withGuest({ type: 'pvh', maxmem: '1GiB' }),
      withGuest({ type: 'pvh', maxmem: '128MiB' }),
    ],
  },
  {
    rule: 'cpu-numbers',
    path: 'domains[1].cpus',
    good: ['0', '"0"', '0-3,5', '4094', '3,1,2-2', '0-7,^4', '0-7,^1-3,2'].map((cpus) =>
      withGuest({ cpus }),
    ),
    bad: ['3-1', '4095', '0-4095', '1,5-4', '0-3,^5', '0-3,^3-5', '1,^1', '0-3,^3-2'].map((cpus) =>
      withGuest({ cpus }),
    ),
  },
  {
    rule: 'wrong-value',
    path: 'domains[1].cpus',
    good: [withGuest({ cpus: '"1,2"' }), withGuest({ cpus: 'all' })],
    bad: ['-1', '""', '"all,^1"', '"^1"', '"^1,0-3"', '"nodes:0"', '"0-"', '"0, 1"', '"0,"'].map(
      (cpus) => withGuest({ cpus }),
    ),
  },
  {
    rule: 'wrong-value',
    path: 'domains[1].max_grant_frames',
    good: [withGuest({ max_grant_frames: '1' })],
    bad: [withGuest({ max_grant_frames: '0' }), withGuest({ max_grant_frames: '1048577' })],
  },
  {
    rule: 'wrong-value',
    path: 'domains[1].max_maptrack_frames',
    good: [withGuest({ max_maptrack_frames: '0' })],
    bad: [withGuest({ max_maptrack_frames: '-1' })],
  },
  {
    rule: 'wrong-value',
    path: 'domains[1].max_event_channels',
    good: ['1', '131071'].map((limit) => withGuest({ max_event_channels: limit })),
    bad: ['0', '131072'].map((limit) => withGuest({ max_event_channels: limit })),
  },
  {
    rule: 'xenstore-client',
    path: 'domains[0].xenstore',
    good: [manifest(`${dom0}\n    xenstore: false`)],
    bad: [manifest(`${dom0}\n    xenstore: true`)],
  },
  {
    rule: 'xenstore-client',
    path: 'domains[1].xenstore',
    good: ['pv', 'pvh'].map((type) => withGuest({ type, xenstore: 'true' })),
    bad: [manifest(dom0.replace('domid: 0', 'domid: 5') + guest({ xenstore: 'true' }))],
  },
  {
    rule: 'xenstore-client',
    path: 'domains[1].console',
    good: [withGuest({ xenstore: 'true', console: 'true' }), withGuest({ console: 'false' })],
    bad: [withGuest({ console: 'true' }), withGuest({ xenstore: 'false', console: 'true' })],
  },
  {
    rule: 'pci',
    path: 'domains[1].pci',
    good: [
      withGuest({ xenstore: 'true', pci: '["00:05.0", "0001:00:05.0", "FF:1f.7"]' }),
      withGuest({ xenstore: 'true', pci: '["00:05.0"]', memory: '2GiB' }),
      withGuest({ type: 'pvh', pci: '[]' }),
    ],
    bad: [
      withGuest({ pci: '["00:05.0"]' }),
      withGuest({ type: 'pvh', xenstore: 'true', pci: '["00:05.0"]' }),
      withGuest({ xenstore: 'true', pci: '["00:05.0"]', memory: '2049MiB' }),
      withGuest({ xenstore: 'true', pci: '["00:05.0"]', maxmem: '3GiB' }),
    ],
  },
  {
    rule: 'pci',
    path: 'domains[0].pci',
    good: [manifest(`${dom0}\n    pci: []`)],
    bad: [manifest(`${dom0}\n    pci: ["00:05.0"]`)],
  },
  {
    rule: 'pci',
    path: 'domains[2].pci[0]',
    good: ['00:06.0', '00:05.1', '0001:00:05.0'].map((device) => withPci(device)),
    bad: ['00:05.0', '0000:00:05.0'].map((device) => withPci(device)),
  },
  {
    rule: 'wrong-value',
    path: 'domains[1].pci[0]',
    good: [withGuest({ xenstore: 'true', pci: '["00:1f.7"]' })],
    bad: ['00:20.0', '00:05.8', '5.0', '00:05', '00000:00:05.0'].map((device) =>
      withGuest({ xenstore: 'true', pci: `["${device}"]` }),
    ),
  },
  {
    rule: 'device-holder',
    path: 'domains[0].ioports',
    good: [manifest(`${dom0}\n    ioports: []`)],
    bad: [manifest(`${dom0}\n    ioports: ["80"]`)],
  },
  {
    rule: 'device-holder',
    path: 'domains[1].irqs',
    good: [withGuest({ irqs: '[5]' }), withGuest({ type: 'pvh', irqs: '[]' })],
    bad: [withGuest({ type: 'pvh', irqs: '[5]' })],
  },
  {
    rule: 'device-range',
    path: 'domains[1].ioports[0]',
    good: ['0', '0-ffff', '80-80', 'FFFF'].map((port) => withGuest({ ioports: `["${port}"]` })),
    bad: ['81-80', 'ffff-0'].map((port) => withGuest({ ioports: `["${port}"]` })),
  },
  {
    rule: 'device-range',
    path: 'domains[1].iomem[0]',
    good: ['a0,1', '0xfebd0,0x5', 'ffffffffff,1'].map((page) =>
      withGuest({ iomem: `["${page}"]` }),
    ),
    bad: ['a0,0', 'ffffffffff,2'].map((page) => withGuest({ iomem: `["${page}"]` })),
  },
  {
    rule: 'device-reserved',
    path: 'domains[1].iomem[0]',
    good: ['a0,20', 'fed3f,1', 'fed46,1'].map((page) => withGuest({ iomem: `["${page}"]` })),
    bad: ['0,1', '9f,1', 'fed3f,2', 'fed45,1', 'fed42,1', 'fec00,200'].map((page) =>
      withGuest({ iomem: `["${page}"]` }),
    ),
  },
  {
    rule: 'device-range',
    path: 'domains[1].irqs[1]',
    good: [withGuest({ irqs: '[1, 15]' })],
    bad: [withGuest({ irqs: '[1, 2]' })],
  },
  {
    rule: 'wrong-value',
    path: 'domains[1].irqs[0]',
    good: [withGuest({ irqs: '[0xF]' })],
    bad: [withGuest({ irqs: '[0]' }), withGuest({ irqs: '[16]' })],
  },
  {
    rule: 'device-overlap',
    path: 'domains[2].ioports[0]',
    good: [
      manifest(dom0 + guest({ ioports: '["80-8f"]' }) + second({ ioports: '["90"]' })),
      manifest(dom0 + guest({ ioports: '["80-8f"]' }) + second({ ioports: '["70-7f"]' })),
    ],
    bad: ['80', '8f', '7f-80', '0-ffff'].map((port) =>
      manifest(dom0 + guest({ ioports: '["80-8f"]' }) + second({ ioports: `["${port}"]` })),
    ),
  },
  {
    rule: 'device-overlap',
    path: 'domains[1].iomem[1]',
    good: [withGuest({ iomem: '["a0,2", "a2,1"]' })],
    bad: [withGuest({ iomem: '["a0,2", "a1,1"]' }), withGuest({ iomem: '["a1,1", "a0,2"]' })],
  },
  {
    rule: 'device-overlap',
    path: 'domains[1].irqs[2]',
    good: [withGuest({ irqs: '[5, 6, 7]' })],
    bad: [withGuest({ irqs: '[5, 6, 5]' })],
  },
  {
    rule: 'autostart',
    path: 'domains[0].autostart',
    good: [manifest(`${dom0}\n    autostart: true`)],
    bad: [manifest(`${dom0}\n    autostart: false`)],
  },
  {
    rule: 'autostart',
    path: 'domains[1].after',
    good: [withGuest({ autostart: 'false' }), withGuest({ autostart: 'false', after: '[]' })],
    bad: [withGuest({ autostart: 'false', after: '[dom0]' })],
  },
  {
    rule: 'autostart',
    path: 'domains[2].after[0]',
    good: [manifest(dom0 + guest({ autostart: 'true' }) + second({ after: '[guest]' }))],
    bad: [manifest(dom0 + guest({ autostart: 'false' }) + second({ after: '[guest]' }))],
  },
  {
    rule: 'critical-hardware',
    path: 'domains[0].critical',
    good: [manifest(`${dom0}\n    critical: true`), withGuest({ critical: 'false' })],
    bad: [manifest(`${dom0}\n    critical: false`)],
  },
  {
    rule: 'critical-hardware',
    path: 'domains[1].critical',
    good: [withRescue({ critical: 'true' })],
    bad: [withRescue({ critical: 'false' })],
  },
  {
    rule: 'autostart',
    path: 'domains[1].autostart',
    good: [withRescue({ autostart: 'true' })],
    bad: [withRescue({ autostart: 'false' })],
  },
  {
    rule: 'hardware-type',
    path: 'domains[1].type',
    good: [withRescue({})],
    bad: [withRescue({ type: 'pvh' })],
  },
  {
    rule: 'on-failure-critical',
    path: 'domains[1].on_failure',
    good: [
      withGuest({ on_failure: 'reboot' }),
      withGuest({ on_failure: 'halt', critical: 'true' }),
      manifest(`${dom0}\n    on_failure: reboot`),
    ],
    bad: [withGuest({ on_failure: 'reboot', critical: 'false' })],
  },
  {
    rule: 'wrong-value',
    path: 'domains[1].on_failure',
    good: [withGuest({ on_failure: 'halt' })],
    bad: [withGuest({ on_failure: 'continue' }), withGuest({ on_failure: '"no"' })],
  },
  {
    rule: 'recovery-domain',
    path: 'platform.on_failure',
    good: [withRescue({}), manifest(dom0, platform('on_failure: halt'))],
    bad: [
      manifest(dom0, platform('on_failure: recovery')),
      withRescue({ recovery: 'false', domid: '3', capabilities: '[]' }),
    ],
  },
  {
    rule: 'recovery-domain',
    path: 'domains[1].on_failure',
    good: [manifest(dom0 + guest({ on_failure: 'recovery' }) + rescue({}))],
    bad: [withGuest({ on_failure: 'recovery' })],
  },
  {
    rule: 'recovery-domain',
    path: 'domains[1].recovery',
    good: [manifest(`${dom0}\n    on_failure: recovery${rescue({})}`)],
    bad: ['halt', 'reboot'].map((action) =>
      manifest(dom0 + rescue({}), platform(`on_failure: ${action}`)),
    ),
  },
  {
    rule: 'recovery-domain',
    path: 'domains[2].recovery',
    good: [withRescue({})],
    bad: [manifest(dom0 + rescue({}) + rescue({ name: 'other' }), wanted)],
  },
  {
    rule: 'recovery-capabilities',
    path: 'domains[1].capabilities',
    good: [withRescue({})],
    bad: [withRescue({ capabilities: '[]' })],
  },
  {
    rule: 'capabilities-together',
    path: 'domains[1].capabilities',
    good: [withRescue({})],
    bad: [withRescue({ capabilities: '[hardware]' })],
  },
  ...(
    [
      ['domid', '1', '0'],
      ['vcpus', '2', '1'],
      ['seclabel', 'system_u:system_r:domU_t', 'system_u:system_r:dom0_t'],
      ['max_grant_frames', '8', undefined],
      ['max_maptrack_frames', '0', undefined],
      ['max_event_channels', '1023', undefined],
    ] as const
  ).map(([key, bad, same]) => ({
    rule: 'recovery-place',
    path: `domains[1].${key}`,
    good: [
      withRescue(same === undefined ? {} : { [key]: same }),
      ...(same === undefined
        ? [manifest(`${dom0}\n    ${key}: ${bad}${rescue({ [key]: bad })}`, wanted)]
        : []),
    ],
    bad: [withRescue({ [key]: bad })],
  })),
  {
    rule: 'recovery-start',
    path: 'domains[1].after',
    good: [withRescue({ after: '[]' })],
    bad: [withRescue({ after: '[dom0]' })],
  },
  {
    rule: 'recovery-start',
    path: 'domains[1].on_failure',
    good: [withRescue({})],
    bad: [withRescue({ on_failure: 'halt' })],
  },
  {
    rule: 'recovery-start',
    path: 'domains[2].after[0]',
    good: [manifest(dom0 + rescue({}) + guest({ after: '[dom0]' }), wanted)],
    bad: [manifest(dom0 + rescue({}) + guest({ after: '[rescue]' }), wanted)],
  },
  {
    rule: 'duplicate-name',
    path: 'domains[1].name',
    good: [withRescue({})],
    bad: [withRescue({ name: 'dom0' })],
  },
  {
    rule: 'domain-pcr',
    path: 'domains[1].measurement.pcr',
    good: ['8', '13', '15'].map((pcr) => withGuest({ measurement: `{ pcr: ${pcr} }` })),
    bad: ['0', '7', '12', '16', '23'].map((pcr) => withGuest({ measurement: `{ pcr: ${pcr} }` })),
  },
  {
    rule: 'domain-pcr',
    path: 'domains[1].measurement.pcr',
    good: [withGuest({ measurement: '{ pcr: 12 }' }, platform('measurement: { boot_pcr: 11 }'))],
    bad: [withGuest({ measurement: '{ pcr: 11 }' }, platform('measurement: { boot_pcr: 11 }'))],
  },
  {
    rule: 'unmeasured',
    path: 'domains[1].measurement.components',
    good: ['[kernel]', '[cmdline, kernel]', '[kernel, ramdisk, cmdline]'].map(withComponents),
    bad: [
      withGuest({ xenstore: 'true', measurement: '{ components: [kernel] }' }) +
        second({ xenstore: 'true', vtpm: 'guest' }),
      ...['[ramdisk]', '[cmdline]', '[cmdline, ramdisk]'].map(withComponents),
      ...['ioports: ["80"]', 'iomem: ["febd0,1"]', 'irqs: [5]'].map(
        (device) => `${withComponents('[kernel]')}    ${device}\n`,
      ),
      `${withComponents('[kernel]')}    xenstore: true\n    pci: ["00:05.0"]\n`,
    ],
  },
  {
    rule: 'unmeasured',
    path: 'domains[1].measurement.components[1]',
    good: [withComponents('[kernel]')],
    bad: [withComponents('[kernel, kernel]')],
  },
  {
    rule: 'unmeasured',
    path: 'domains[0].measurement.components',
    good: [
      manifest(`${dom0}\n    measurement: { pcr: 14 }`),
      manifest(`${dom0}\n    measurement: { components: [kernel, ramdisk, cmdline] }`),
    ],
    bad: ['[kernel]', '[kernel, ramdisk]', '[kernel, cmdline]'].map((components) =>
      manifest(`${dom0}\n    measurement: { components: ${components} }`),
    ),
  },
  {
    rule: 'unmeasured',
    path: 'domains[1].digests.ramdisk',
    good: [pinned('[kernel, ramdisk]')],
    bad: [pinned('[kernel, cmdline]')],
  },
  {
    rule: 'wrong-value',
    path: 'domains[1].measurement.components[1]',
    good: [withComponents('[kernel]')],
    bad: [withComponents('[kernel, initrd]')],
  },
  {
    rule: 'after-unknown',
    path: 'domains[1].after[0]',
    good: [withGuest({ after: '[dom0]' }), withGuest({ after: '[dom0, dom0]' })],
    bad: [withGuest({ after: '[dom1]' }), withGuest({ after: '[Dom0]' })],
  },
  {
    rule: 'after-cycle',
    path: 'domains[1].after[0]',
    good: [withGuest({ after: '[dom0]' })],
    bad: [withGuest({ after: '[guest]' })],
  },
  {
    rule: 'duplicate-script',
    path: 'scripts[1].name',
    good: [withScript('name: b, run: a.ts, at: after_start')],
    bad: [withScript('name: a, run: b.ts, at: before_start')],
  },
  {
    rule: 'image-path',
    path: 'scripts[1].run',
    good: ['b.ts', 'scripts/b.mts', 'b.js', 'b.mjs'].map((run) =>
      withScript(`name: b, run: ${run}, at: after_start`),
    ),
    bad: ['/b.ts', '../b.ts', 'a//b.ts', './b.ts'].map((run) =>
      withScript(`name: b, run: ${run}, at: after_start`),
    ),
  },
  {
    rule: 'wrong-value',
    path: 'scripts[1].run',
    good: [withScript(`name: b, run: ${'b'.repeat(250)}.ts, at: after_start`)],
    bad: ['b', 'b.cjs', 'b.ts.txt', 'b.tsx', `${'b'.repeat(251)}.ts`].map((run) =>
      withScript(`name: b, run: ${run}, at: after_start`),
    ),
  },
  {
    rule: 'wrong-value',
    path: 'scripts[1].at',
    good: ['before_planning', 'after_create', 'before_start'].map((at) =>
      withScript(`name: b, run: b.ts, at: ${at}`),
    ),
    bad: [withScript('name: b, run: b.ts, at: before_create')],
  },
  {
    rule: 'wrong-value',
    path: 'scripts[1].timeout',
    good: ['1s', '9999s'].map((timeout) =>
      withScript(`name: b, run: b.ts, at: after_start, timeout: ${timeout}`),
    ),
    bad: ['0s', '10000s', '1m'].map((timeout) =>
      withScript(`name: b, run: b.ts, at: after_start, timeout: ${timeout}`),
    ),
  },
];

for (const { rule, path, good, bad } of edges) {
  test(`${rule}: ${path}`, () => {
    for (const text of good) load(text);
    for (const text of bad) {
      const problems = found(text);
      assert.equal(problems.length, 1, `${text}\n${problems.join('\n')}`);
      assert.equal(problems[0]?.replace(/^\d+:\d+ /, ''), `${rule} ${path}`);
    }
  });
}

test('a property that is missing is reported once, whether the schema or a check misses it', () => {
  for (const key of ['name', 'domid', 'type', 'memory', 'kernel', 'seclabel']) {
    const lines = manifest(`${dom0}${guest()}`).replaceAll('- name', '-\n    name').split('\n');
    const text = lines.filter((line) => !line.startsWith(`    ${key}:`)).join('\n');
    assert.deepEqual(
      [...new Set(found(text).map((line) => line.split(' ').slice(1).join(' ')))],
      [0, 1].map((index) => `missing-property domains[${index}].${key}`),
    );
  }
});

test('what was refused in one place is not reported again in another', () => {
  // The hardware domain, its name and its list of capabilities are refused: nothing follows from their absence.
  const text = manifest(
    dom0.replace('name: dom0', 'name: "0"').replace('xenstore]', 'xen-store]') +
      guest({ after: '[dom0]', memory: '{}' }),
  );
  assert.deepEqual(found(text), [
    '3:11 wrong-value domains[0].name',
    '9:39 wrong-value domains[0].capabilities[2]',
    '13:13 wrong-type domains[1].memory',
  ]);
});
