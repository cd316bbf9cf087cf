import { withVtpmParameter } from '../domains/vtpm-parameter.ts';
import type { DomainDocument, ManifestDocument, ScriptDocument } from './generated/manifest.ts';
import type { DomainSettings, Manifest, ScriptSettings } from './manifest.ts';
import { DEFAULT_BOOT_PCR, DEFAULT_PCR } from './pcrs.ts';
import type { CompleteDomain } from './properties/property.ts';
import { domainSettings } from './properties/table.ts';
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
      iommu: platform?.iommu ?? 'optional',
      measurement: {
        pcr,
        bootPcr: platform?.measurement?.boot_pcr ?? DEFAULT_BOOT_PCR,
        banks: [...new Set(platform?.measurement?.banks)].sort(),
      },
      handover: { directory: platform?.handover?.directory ?? HANDOVER_DIRECTORY },
      ...(platform?.vtpm_state === undefined
        ? {}
        : { vtpmState: { label: '', ...platform.vtpm_state } }),
    },
    domains: toldWhoServes(
      ordered.order.map(({ domain }) => domainSettings(complete(domain), pcr)),
    ),
    ...(recovery === undefined ? {} : { recovery: domainSettings(complete(recovery), pcr) }),
    scripts: (document.scripts ?? []).map(scriptSettings),
  };
}

/** Guests with a TPM are told on their command line which domain serves it; what is measured is what they are given. */
function toldWhoServes(domains: DomainSettings[]): DomainSettings[] {
  return domains.map((domain) => {
    const backend = domains.find(({ name }) => name === domain.vtpm);
    if (backend === undefined) return domain;
    return { ...domain, cmdline: withVtpmParameter(domain.cmdline, backend.domid) };
  });
}

function scriptSettings({ name, run, at, timeout, digest }: ScriptDocument): ScriptSettings {
  const timeoutSeconds = timeout === undefined ? SCRIPT_SECONDS : Number.parseInt(timeout, 10);
  return { name, run, at, timeoutSeconds, ...(digest === undefined ? {} : { digest }) };
}

/** The domain, which the checks have found complete. */
function complete(domain: DomainDocument): CompleteDomain {
  const { type, memory, kernel, seclabel } = domain;
  if (
    type === undefined ||
    memory === undefined ||
    kernel === undefined ||
    seclabel === undefined
  ) {
    throw new Error(
      `domain ${domain.name} passed the checks without a property that every domain has`,
    );
  }
  return { ...domain, type, memory, kernel, seclabel };
}
