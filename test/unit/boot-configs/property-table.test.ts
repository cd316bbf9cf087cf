/** Each property of a domain, with a value that is not the usual one: all who should act on it do, and nobody else. */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { canonicalConfiguration } from '../../../boot-configs/canonical.ts';
import type { Check } from '../../../boot-configs/checks/check.ts';
import { manifestChecks } from '../../../boot-configs/checks/index.ts';
import type { DomainDocument, PlatformDocument } from '../../../boot-configs/generated/manifest.ts';
import { loadManifest } from '../../../boot-configs/load.ts';
import type { Manifest } from '../../../boot-configs/manifest.ts';
import type { Consumer } from '../../../boot-configs/properties/property.ts';
import {
  domainProperties,
  type PropertyKey,
  properties,
} from '../../../boot-configs/properties/table.ts';
import { plannedBoot } from '../../../cli/plan-steps.ts';
import { observeBoot } from '../../lib/observed-boot.ts';

interface Example<K extends PropertyKey> {
  /** Valid, and other than what holds without it. */
  value: NonNullable<DomainDocument[K]>;
  /** What the hypervisor must be asked for then. */
  asked: ReturnType<(typeof properties)[K]['asks']>;
  /** What the domain has with and without it. */
  beside?: Partial<DomainDocument>;
  /** Domains that stand before it and after it. */
  before?: DomainDocument[];
  others?: DomainDocument[];
  /** For a property that makes quite another manifest: what else changes with it. */
  changes?: { domain: Partial<DomainDocument>; platform?: PlatformDocument; alone?: boolean };
}

const dom0: DomainDocument = {
  name: 'dom0',
  domid: 0,
  type: 'pv',
  uuid: '5d2b1f1e-8f0e-4c9e-9d0a-1c7a5f3e2b00',
  memory: '512MiB',
  kernel: 'vmlinux',
  seclabel: 'system_u:system_r:dom0_t',
  capabilities: ['control', 'hardware', 'xenstore'],
};
const guest: DomainDocument = {
  name: 'guest',
  domid: 7,
  type: 'pv',
  uuid: '5d2b1f1e-8f0e-4c9e-9d0a-1c7a5f3e2b07',
  memory: '128MiB',
  kernel: 'vmlinux',
  seclabel: 'system_u:system_r:domU_t',
};
const other: DomainDocument = {
  ...guest,
  ...{ name: 'other', domid: 8, uuid: '5d2b1f1e-8f0e-4c9e-9d0a-1c7a5f3e2b08' },
};

const approverPem = generateKeyPairSync('ec', {
  ...{ namedCurve: 'P-256', publicKeyEncoding: { type: 'spki', format: 'pem' } },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
}).publicKey;

/** One for each property: without one, a new property does not compile. */
const examples: { [K in PropertyKey]: Example<K> } = {
  name: { value: 'renamed', asked: { name: 'renamed' } },
  domid: { value: 9, asked: { domid: 9 } },
  type: { value: 'pvh', asked: { type: 'pvh' } },
  uuid: { value: '5D2B1F1E-8F0E-4C9E-9D0A-1C7A5F3E2B99', asked: {} },
  memory: { value: '160MiB', asked: { memoryKiB: 160 * 1024 } },
  maxmem: { value: '1GiB', asked: { maxMemoryKiB: 1024 * 1024 } },
  vcpus: { value: 3, asked: { vcpus: 3 } },
  maxvcpus: { value: 4, asked: { maxVcpus: 4 }, beside: { type: 'pvh' } },
  cpuid: {
    value: 'host,sse3=0,CX16=1,clfsh=k',
    asked: {
      cpuid: [
        { name: 'clflush', value: 'host' },
        { name: 'cx16', value: true },
        { name: 'sse3', value: false },
      ],
    },
  },
  nestedhvm: { value: true, asked: { nestedHvm: true }, beside: { type: 'hvm' } },
  msr_relaxed: { value: true, asked: { msrRelaxed: true } },
  cpus: { value: '1', asked: { cpus: [1] } },
  kernel: { value: 'another', asked: {} },
  ramdisk: { value: ['first.cpio', 'second.cpio'], asked: {} },
  cmdline: { value: 'quiet', asked: {} },
  seclabel: {
    value: 'system_u:system_r:vtpm_t',
    asked: { seclabel: 'system_u:system_r:vtpm_t' },
  },
  capabilities: {
    value: ['xenstore', 'hardware', 'control'],
    asked: { hardware: true },
    changes: { domain: { domid: 0 }, alone: true },
  },
  max_grant_frames: { value: 33, asked: { limits: { grantFrames: 33 } } },
  max_maptrack_frames: { value: 34, asked: { limits: { maptrackFrames: 34 } } },
  max_event_channels: { value: 35, asked: { limits: { eventChannels: 35 } } },
  ioports: {
    value: ['308', '300-307'],
    asked: {
      devices: {
        ioports: [
          { first: 0x300, count: 8 },
          { first: 0x308, count: 1 },
        ],
      },
    },
  },
  iomem: { value: ['febd0,5'], asked: { devices: { iomem: [{ first: 0xfebd0, count: 5 }] } } },
  irqs: { value: [9, 5], asked: { devices: { irqs: [5, 9] } } },
  pci: { value: ['00:05.0'], asked: { iommu: true }, beside: { xenstore: true } },
  xenstore: { value: true, asked: { xenstore: true } },
  console: { value: true, asked: { console: true }, beside: { xenstore: true } },
  disk: {
    value: ['phy:/dev/vg/guest,xvda,r', 'format=raw, vdev=xvdb1, no-discard, target=/dev/vg/more'],
    asked: {},
    beside: { xenstore: true },
  },
  vif: {
    value: ['mac=00:16:3E:12:34:56,bridge=xenbr0,rate=10Mb/s@20ms', ''],
    asked: {},
    beside: { xenstore: true },
  },
  channels: { value: ['1=other:100', '2>other:7'], asked: {}, others: [other] },
  vtpm: {
    value: 'other',
    asked: {},
    beside: { xenstore: true },
    before: [{ ...other, xenstore: true }],
  },
  vtpm_persistent: {
    value: true,
    asked: {},
    beside: { xenstore: true, vtpm: 'other' },
    before: [{ ...other, xenstore: true }],
    changes: { domain: {}, platform: { vtpm_state: { approver: approverPem } } },
  },
  digests: { value: { kernel: `sha256:${'0'.repeat(64)}` }, asked: {} },
  measurement: { value: { pcr: 14, components: ['kernel'] }, asked: {}, beside: { ramdisk: 'r' } },
  autostart: { value: false, asked: {} },
  critical: { value: false, asked: {} },
  on_failure: { value: 'reboot', asked: {} },
  on_poweroff: { value: 'preserve', asked: {}, beside: { xenstore: true } },
  on_reboot: { value: 'preserve', asked: {}, beside: { xenstore: true } },
  on_crash: { value: 'preserve', asked: {}, beside: { xenstore: true } },
  recovery: {
    value: true,
    asked: {},
    changes: {
      domain: {
        domid: 0,
        seclabel: dom0.seclabel as string,
        capabilities: dom0.capabilities ?? [],
      },
      platform: { on_failure: 'recovery' },
    },
  },
  after: { value: ['other'], asked: {}, others: [other] },
};

const keys = Object.keys(properties) as PropertyKey[];
const consumers: readonly Consumer[] = [
  ...(['creation', 'build', 'steps', 'measurement', 'record', 'failure'] as const),
];

/** The manifest with the property or without it, and the domain that has it. */
function manifestFor(key: PropertyKey, having: boolean): { text: string; domain: DomainDocument } {
  const { value, beside, before = [], others = [], changes }: Example<PropertyKey> = examples[key];
  const domain = {
    ...{ ...guest, ...beside },
    ...(having ? { ...changes?.domain, [key]: value } : {}),
  };
  const platform = having ? changes?.platform : undefined;
  const first = having && changes?.alone ? [] : [dom0];
  const domains = [...first, ...before, domain, ...others];
  return { text: JSON.stringify({ version: 2, platform: platform ?? {}, domains }), domain };
}

const load = (text: string): Manifest => loadManifest(Buffer.from(text), 'example.yaml');

for (const key of keys) {
  const { asks, shown, honouredBy } = properties[key];
  const without = manifestFor(key, false);
  const having = manifestFor(key, true);

  test(`${key}: those who are to act on it do, and the hypervisor gets just what is asked for`, async () => {
    const usual = await observeBoot(without.text, without.domain.domid);
    const unusual = await observeBoot(having.text, having.domain.domid);
    const differing = consumers.filter(
      (consumer) => JSON.stringify(usual[consumer]) !== JSON.stringify(unusual[consumer]),
    );
    // One that makes quite another manifest has more in its wake.
    const expected = examples[key].changes === undefined ? consumers : honouredBy;
    assert.deepEqual(
      differing.filter((consumer) => expected.includes(consumer)),
      consumers.filter((consumer) => honouredBy.includes(consumer)),
    );
    const { asked } = examples[key];
    for (const [name, part] of leaves(asked)) {
      assert.deepEqual(at(unusual.creation, name), part, `${name} is not what the manifest says`);
      // Whatever constant stood there, one of the two would be another.
      assert.notDeepEqual(at(usual.creation, name), part, `${name} is as without ${key}`);
    }
    const settings = load(without.text).domains[0];
    assert.ok(settings);
    assert.deepEqual(leaves(asked).map(first), leaves(asks(settings)).map(first));
  });

  test(`${key}: it is in the effective configuration and in the plan`, () => {
    const [usual, unusual] = [load(without.text), load(having.text)];
    assert.notEqual(canonicalConfiguration(unusual), canonicalConfiguration(usual));
    const look = (manifest: Manifest, name: string) => {
      const { phases } = plannedBoot(manifest, { policy: true, signed: false }, new Map());
      const operations = phases.flatMap((phase) => phase.operations);
      if (shown === 'steps') return operations.map((operation) => operation.name);
      const own = operations.filter((each) => each.do === shown.with && each.domain === name);
      assert.ok(own.length > 0, `no step ${shown.with}`);
      return own.map(({ details }) => details);
    };
    assert.notDeepEqual(look(unusual, having.domain.name), look(usual, without.domain.name));
  });
}

test('all that the hypervisor takes comes from one property each', () => {
  const domain = load(manifestFor('cmdline', true).text).domains[0];
  assert.ok(domain);
  const parts = keys.flatMap((key) => leaves(properties[key].asks(domain)).map(first));
  assert.deepEqual(parts.toSorted(), leaves(domainProperties(domain)).map(first).toSorted());
  assert.equal(new Set(parts).size, parts.length);
});

test('every rule that a module of a property has is checked', async () => {
  const folder = new URL('../../../boot-configs/properties/', import.meta.url);
  for (const name of readdirSync(folder)) {
    const module = (await import(new URL(name, folder).href)) as Record<string, unknown>;
    for (const [exported, value] of Object.entries(module)) {
      if (typeof value !== 'object' || value === null || !('rule' in value)) continue;
      assert.ok(manifestChecks.includes(value as Check), `${name}: nobody runs ${exported}`);
    }
  }
});

/** The values in an object by their paths; lists are values. */
function leaves(whole: object, above = ''): [string, unknown][] {
  return Object.entries(whole).flatMap(([key, value]): [string, unknown][] =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? leaves(value, `${above}${key}.`)
      : [[above + key, value]],
  );
}

function at(whole: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce((value, key) => (value as Record<string, unknown> | undefined)?.[key], whole);
}

function first([name]: [string, unknown]): string {
  return name;
}
