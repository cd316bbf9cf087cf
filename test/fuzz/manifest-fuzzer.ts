import { readdirSync, readFileSync } from 'node:fs';
import { creationFaults } from '../../bindings/creation-checks.ts';
import { canonicalConfiguration } from '../../boot-configs/canonical.ts';
import { loadManifest } from '../../boot-configs/load.ts';
import type { DomainSettings } from '../../boot-configs/manifest.ts';
import { ManifestError } from '../../boot-configs/problems.ts';
import { domainProperties } from '../../boot-configs/properties/table.ts';
import { plan } from '../../daemon/plan/boot.ts';
import { mutate, randomText } from './manifest-mutations.ts';
import type { Random } from './random.ts';

const directory = new URL('../../boot-configs/', import.meta.url);

/** The examples in the tree; the good ones are there more often, as most changes spoil them anyway. */
export function corpus(): string[] {
  const bad = yamlIn(new URL('invalid/', directory));
  const good = yamlIn(directory);
  return [
    ...bad,
    ...Array(Math.ceil(bad.length / good.length))
      .fill(good)
      .flat(),
  ];
}

function yamlIn(folder: URL): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => readFileSync(new URL(name, folder), 'utf8'));
}

/** How one text ended, and how long that took the processor: others may want the machine too. */
export interface Outcome {
  accepted: boolean;
  milliseconds: number;
}

/**
 * Feeds one random text, mostly a mutated example, to the loader. Throws when the loader does anything but accept it
 * with an effective manifest that holds its promises or refuse it with printable problems that lie in the text.
 */
export function fuzzOnce(examples: readonly string[], random: Random): Outcome & { text: string } {
  const text = random.below(10) === 0 ? randomText(random) : mutate(random.pick(examples), random);
  return { text, ...feed(text) };
}

function feed(text: string): Outcome {
  const started = process.threadCpuUsage();
  try {
    const manifest = loadManifest(Buffer.from(text), 'fuzz.yaml');
    plan(manifest, { policy: true, signed: false });
    const milliseconds = since(started);
    expect(/^[ -~]+$/.test(canonicalConfiguration(manifest)), 'the configuration is not ASCII');
    const { domains } = manifest;
    const hardware = domains.filter((domain) => domain.capabilities.includes('hardware'));
    expect(hardware.length === 1, 'not one hardware domain');
    expect(new Set(domains.map((domain) => domain.domid)).size === domains.length, 'equal domids');
    for (const { domid, memoryKiB, kernel } of domains) {
      expect(Number.isInteger(domid) && domid >= 0 && domid < 0x7fef, `domid ${domid}`);
      expect(Number.isSafeInteger(memoryKiB) && memoryKiB % 1024 === 0, `memory ${memoryKiB}`);
      expect(!kernel.startsWith('/') && !kernel.split('/').includes('..'), `kernel ${kernel}`);
    }
    const { recovery = [] } = manifest;
    for (const domain of domains.concat(recovery)) {
      expectCreatable(domain, hardware[0]?.domid ?? 0);
    }
    return { accepted: true, milliseconds };
  } catch (error) {
    const milliseconds = since(started);
    if (!(error instanceof ManifestError)) throw error;
    const lines = text.split('\n').length;
    expect(error.problems.length > 0, 'an error without problems');
    expect(/^[ -~\n]+$/.test(error.message), 'a message that is not printable ASCII');
    for (const { line, col, hint } of error.problems) {
      expect(line >= 1 && line <= lines && col >= 1, `position ${line}:${col} of ${lines} lines`);
      expect(hint !== '', 'a problem without a hint');
    }
    return { accepted: false, milliseconds };
  }
}

const allCpus = Array.from({ length: 4095 }, (_, cpu) => cpu);

/** Of a machine that has everything, the boot can learn nothing that the loader could not know. */
function expectCreatable(domain: DomainSettings, hardwareDomid: number): void {
  const frames = 'gnttab_max_frames=4294967295 gnttab_max_maptrack_frames=4294967295';
  const option = hardwareDomid === 0 ? 'boot-domain' : `hardware_dom=${hardwareDomid}`;
  const xen = {
    commandLine: `${option} ${frames}`,
    cpus: allCpus,
    hvm: true,
    iommu: true,
    ram: [],
  };
  const [fault] = creationFaults(domainProperties(domain), xen);
  expect(fault === undefined, `the boot would learn: ${fault?.message}`);
}

function since(start: NodeJS.CpuUsage): number {
  const { user, system } = process.threadCpuUsage(start);
  return (user + system) / 1000;
}

function expect(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
}
