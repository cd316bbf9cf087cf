import type { DomainDocument, ManifestDocument } from './generated/manifest-1.ts';
import type { DomainSettings, Manifest } from './manifest.ts';
import { memoryKiB } from './memory.ts';
import { startOrder } from './start-order.ts';

/** The manifest that a document without problems stands for: defaults applied, units resolved, in start order. */
export function effectiveManifest(document: ManifestDocument): Manifest {
  const { platform } = document;
  const ordered = startOrder(
    document.domains.map((domain) => ({ domain, name: domain.name, after: domain.after ?? [] })),
  );
  return {
    version: document.version,
    platform: {
      onFailure: platform?.['on-failure'] ?? 'halt',
      measurement: { pcr: platform?.measurement?.pcr ?? 13 },
    },
    domains: ordered.order.map(({ domain }) => domainSettings(domain)),
  };
}

function domainSettings(domain: DomainDocument): DomainSettings {
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
    vcpus: domain.vcpus ?? 1,
    kernel,
    ...(ramdisk === undefined ? {} : { ramdisk }),
    cmdline: domain.cmdline ?? '',
    seclabel,
    capabilities: [...(domain.capabilities ?? [])].sort(),
    digests: { ...domain.digests },
  };
}
