import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { imageComponents } from '../boot-configs/components.ts';
import { showDomid } from '../boot-configs/domids.ts';
import { type ByteSource, withFile } from '../boot-configs/images/byte-source.ts';
import type {
  CpuFeature,
  DomainSettings,
  Manifest,
  NumberRange,
} from '../boot-configs/manifest.ts';
import { formatMemory } from '../boot-configs/memory.ts';
import { plan, recover } from '../daemon/boot.ts';
import { imagePath, nameOf, type Operation, type Phase } from '../daemon/operations.ts';

/** A phase of the boot, told ahead. */
export interface PlannedPhase {
  name: string;
  operations: PlannedOperation[];
}

export interface PlannedOperation {
  /** As the boot's log calls it. */
  name: string;
  do: string;
  domain?: string;
  /** What it is done with, in words and numbers, in the order to show it. */
  details: Record<string, string | number>;
}

/** Bytes hashed at a time. */
const CHUNK = 1 << 20;

export interface Planned {
  phases: PlannedPhase[];
  /** What follows on a failure, where that is recovery; what there is to destroy depends on when it comes. */
  recovery?: PlannedPhase[];
}

/** What a boot with `manifest` will do. With a `directory`, images are looked up there for sizes and digests. */
export function plannedBoot(manifest: Manifest, directory: string | undefined): Planned {
  const lookUp = imageLookUp(directory);
  const told = (phases: readonly Phase[]): PlannedPhase[] =>
    phases.map(({ name, operations }) => ({
      name,
      operations: operations.map((operation) => ({
        name: nameOf(operation),
        do: operation.do,
        ...('domain' in operation ? { domain: operation.domain.name } : {}),
        details: detailsOf(operation, manifest, lookUp),
      })),
    }));
  const phases = told(plan(manifest, { policy: false, signed: false }));
  if (manifest.recovery === undefined) return { phases };
  const nothingMade = { domains: [], place: 'free', keyMade: false } as const;
  return { phases, recovery: told(recover(manifest, nothingMade)) };
}

type LookUp = (path: string) => Record<string, string | number>;

function detailsOf(
  operation: Operation,
  { platform }: Manifest,
  lookUp: LookUp,
): Record<string, string | number> {
  switch (operation.do) {
    case 'measure-image':
      return imageDetails(operation, lookUp);
    case 'measure-script':
      return { file: operation.script.run, ...lookUp(operation.script.run) };
    case 'run-script': {
      const { run, timeoutSeconds } = operation.script;
      return { file: run, 'at most': `${timeoutSeconds} s` };
    }
    case 'create-domain':
      return creationDetails(operation.domain);
    case 'build-domain': {
      const { kernel, ramdisk } = operation.domain;
      return ramdisk.length === 0 ? { kernel } : { kernel, ramdisk: ramdisk.join(' ') };
    }
    case 'measure-domain':
      return measurementDetails(operation.domain, platform.measurement.pcr);
    case 'hand-over':
      return { directory: platform.handover.directory };
    case 'cap-pcr':
      return { pcr: platform.measurement.pcr };
    default:
      return {};
  }
}

/** Where and what of a domain is measured, as far as it isn't the usual. */
function measurementDetails(
  { measurement: { pcr, components } }: DomainSettings,
  platformPcr: number,
): Record<string, string | number> {
  return {
    ...(pcr === platformPcr ? {} : { pcr }),
    ...(components.length === imageComponents.length ? {} : { measured: components.join(' ') }),
  };
}

function creationDetails(domain: DomainSettings): Record<string, string | number> {
  const { memoryKiB, maxMemoryKiB, vcpus, maxVcpus, cpuid, cpus, limits, devices } = domain;
  return {
    domid: showDomid(domain.domid),
    type: domain.type,
    memory: formatMemory(memoryKiB),
    ...(maxMemoryKiB > memoryKiB ? { maxmem: formatMemory(maxMemoryKiB) } : {}),
    vcpus,
    ...(maxVcpus > vcpus ? { maxvcpus: maxVcpus } : {}),
    ...(cpuid.length > 0 ? { cpuid: cpuid.map(showFeature).join(',') } : {}),
    ...(domain.nestedHvm ? { nestedhvm: 'true' } : {}),
    ...(domain.msrRelaxed ? { msr_relaxed: 'true' } : {}),
    ...(cpus ? { cpus: cpus.join(',') } : {}),
    seclabel: domain.seclabel,
    uuid: domain.uuid ?? 'fresh',
    ...limits,
    ...(devices.ioports.length > 0 ? { ioports: devices.ioports.map(showRange).join(',') } : {}),
    ...(devices.iomem.length > 0 ? { iomem: devices.iomem.map(showRange).join(',') } : {}),
    ...(devices.irqs.length > 0 ? { irqs: devices.irqs.join(',') } : {}),
    ...(domain.pci.length > 0 ? { pci: domain.pci.join(',') } : {}),
    ...(domain.xenstore ? { xenstore: 'true' } : {}),
    ...(domain.console ? { console: 'true' } : {}),
    ...(domain.vtpm === undefined ? {} : { vtpm: domain.vtpm }),
  };
}

/** As in a manifest. */
function showFeature({ name, value }: CpuFeature): string {
  return `${name}=${value === 'host' ? 'k' : Number(value)}`;
}

/** As Xen shows ranges: in hexadecimal, the last one included. */
function showRange({ first, count }: NumberRange): string {
  const last = (first + count - 1).toString(16);
  return count === 1 ? last : `${first.toString(16)}-${last}`;
}

function imageDetails(
  operation: Extract<Operation, { do: 'measure-image' }>,
  lookUp: LookUp,
): Record<string, string | number> {
  const path = imagePath(operation);
  if (path === undefined) return { text: JSON.stringify(operation.domain.cmdline) };
  return { file: path, ...lookUp(path) };
}

/** Size and digest of images; domains often share one, which is then hashed once. */
function imageLookUp(directory: string | undefined): LookUp {
  const known = new Map<string, Record<string, string | number>>();
  return (path) => {
    if (directory === undefined) return {};
    const found = known.get(path) ?? withFile(join(directory, path), sizeAndDigest);
    known.set(path, found);
    return found;
  };
}

function sizeAndDigest(source: ByteSource): Record<string, string | number> {
  const hash = createHash('sha256');
  for (let offset = 0; offset < source.size; offset += CHUNK) {
    hash.update(source.read(offset, CHUNK));
  }
  return { bytes: source.size, sha256: hash.digest('hex') };
}
