import { imageComponents } from './components.ts';
import { cpuChanges } from './cpu-features.ts';
import { cpuNumbers } from './cpu-list.ts';
import { iomemRange, ioportRange } from './device-ranges.ts';
import type { DomainDocument, ManifestDocument, ScriptDocument } from './generated/manifest.ts';
import type { DomainSettings, Manifest, ScriptSettings } from './manifest.ts';
import { memoryKiB } from './memory.ts';
import { pciAddress } from './pci-address.ts';
import { DEFAULT_BOOT_PCR, DEFAULT_PCR } from './pcrs.ts';
import { listOf } from './segments.ts';
import { startOrder } from './start-order.ts';

/** Where a dom0 finds the hand-over when nothing is said. */
const HANDOVER_DIRECTORY = '/domb-handover';

/** How long a script may take when nothing is said. */
const SCRIPT_SECONDS = 30;

/** The manifest that a document without problems stands for: defaults applied, units resolved, in start order. */
export function effectiveManifest(document: ManifestDocument): Manifest {
  const { platform } = document;
  const recovery = document.domains.find((domain) => domain.recovery);
  const normal = document.domains.filter((domain) => domain !== recovery);
  const ordered = startOrder(
    normal.map((domain) => ({ domain, name: domain.name, after: domain.after ?? [] })),
  );
  const pcr = platform?.measurement?.pcr ?? DEFAULT_PCR;
  return {
    version: document.version,
    platform: {
      onFailure: platform?.on_failure ?? 'halt',
      ...(platform?.timeout === undefined
        ? {}
        : { timeoutSeconds: Number.parseInt(platform.timeout, 10) }),
      measurement: {
        pcr,
        bootPcr: platform?.measurement?.boot_pcr ?? DEFAULT_BOOT_PCR,
        banks: [...new Set(platform?.measurement?.banks)].sort(),
      },
      handover: { directory: platform?.handover?.directory ?? HANDOVER_DIRECTORY },
    },
    domains: ordered.order.map(({ domain }) => domainSettings(domain, pcr)),
    ...(recovery === undefined ? {} : { recovery: domainSettings(recovery, pcr) }),
    scripts: (document.scripts ?? []).map(scriptSettings),
  };
}

function scriptSettings({ name, run, at, timeout, digest }: ScriptDocument): ScriptSettings {
  const timeoutSeconds = timeout === undefined ? SCRIPT_SECONDS : Number.parseInt(timeout, 10);
  return { name, run, at, timeoutSeconds, ...(digest === undefined ? {} : { digest }) };
}

function domainSettings(domain: DomainDocument, platformPcr: number): DomainSettings {
  const { name, domid, type, uuid, memory, kernel, ramdisk, seclabel } = domain;
  if (
    type === undefined ||
    memory === undefined ||
    kernel === undefined ||
    seclabel === undefined
  ) {
    throw new Error(`domain ${name} passed the checks without a property that every domain has`);
  }
  return {
    name,
    domid,
    type,
    ...(uuid === undefined ? {} : { uuid: uuid.toLowerCase() }),
    memoryKiB: memoryKiB(memory),
    maxMemoryKiB: memoryKiB(domain.maxmem ?? memory),
    vcpus: domain.vcpus ?? 1,
    maxVcpus: domain.maxvcpus ?? domain.vcpus ?? 1,
    cpuid: cpuidOf(domain),
    nestedHvm: domain.nestedhvm ?? false,
    msrRelaxed: domain.msr_relaxed ?? false,
    ...(domain.cpus === undefined ? {} : { cpus: cpuNumbers(domain.cpus) }),
    kernel,
    ramdisk: listOf(ramdisk ?? []),
    cmdline: domain.cmdline ?? '',
    seclabel,
    capabilities: [...(domain.capabilities ?? [])].sort(),
    limits: limitsOf(domain),
    devices: devicesOf(domain),
    pci: (domain.pci ?? []).map(pciAddress).sort(),
    xenstore: domain.xenstore ?? false,
    console: domain.console ?? false,
    ...(domain.vtpm === undefined ? {} : { vtpm: domain.vtpm }),
    digests: digestsOf(domain),
    measurement: measurementOf(domain, platformPcr),
    autostart: domain.autostart ?? true,
    critical: domain.critical ?? true,
    ...(domain.on_failure === undefined ? {} : { onFailure: domain.on_failure }),
  };
}

function digestsOf({ digests = {} }: DomainDocument): DomainSettings['digests'] {
  const { kernel, ramdisk } = digests;
  return {
    ...(kernel === undefined ? {} : { kernel }),
    ...(ramdisk === undefined ? {} : { ramdisk: listOf(ramdisk) }),
  };
}

function measurementOf(
  { measurement = {} }: DomainDocument,
  platformPcr: number,
): DomainSettings['measurement'] {
  const { pcr = platformPcr, components } = measurement;
  return {
    pcr,
    components: imageComponents.filter((each) => components?.includes(each) ?? true),
  };
}

function limitsOf(domain: DomainDocument): DomainSettings['limits'] {
  const grantFrames = domain.max_grant_frames;
  const maptrackFrames = domain.max_maptrack_frames;
  const eventChannels = domain.max_event_channels;
  return {
    ...(grantFrames === undefined ? {} : { grantFrames }),
    ...(maptrackFrames === undefined ? {} : { maptrackFrames }),
    ...(eventChannels === undefined ? {} : { eventChannels }),
  };
}

function cpuidOf({ cpuid = 'host' }: DomainDocument): DomainSettings['cpuid'] {
  const changes = cpuChanges(cpuid).map(({ written, name, value }) => {
    if (name === undefined) throw new Error(`${written} passed the checks and is no CPU feature`);
    return { name, value };
  });
  return changes.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function devicesOf({
  ioports = [],
  iomem = [],
  irqs = [],
}: DomainDocument): DomainSettings['devices'] {
  const byFirst = (a: { first: number }, b: { first: number }) => a.first - b.first;
  return {
    ioports: ioports.map(ioportRange).sort(byFirst),
    iomem: iomem.map(iomemRange).sort(byFirst),
    irqs: irqs.toSorted((a, b) => a - b),
  };
}
