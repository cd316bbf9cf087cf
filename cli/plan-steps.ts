import { objectName } from 'node-tpm2-pts';
import type { Manifest } from '../boot-configs/manifest.ts';
import { shownWith } from '../boot-configs/properties/table.ts';
import { type ImageParts, plan } from '../daemon/plan/boot.ts';
import {
  measuredImagePath,
  nameOf,
  type Operation,
  type Phase,
} from '../daemon/plan/operations.ts';
import { recover } from '../daemon/plan/recover.ts';
import type { ContentDescription } from '../measurement/events.ts';
import { approverOf } from '../measurement/sealing/approver-key.ts';

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

export interface Planned {
  phases: PlannedPhase[];
  /** What follows on a failure, where that is recovery; what there is to destroy depends on when it comes. */
  recovery?: PlannedPhase[];
}

/**
 * What a boot with `manifest` and these parts of the boot image will do. `images` are sizes and SHA-256 digests by path in the
 * manifest, as far as they are to be shown.
 */
export function plannedBoot(
  manifest: Manifest,
  parts: ImageParts,
  images: ReadonlyMap<string, ContentDescription>,
): Planned {
  const lookUp = (path: string): Record<string, string | number> => {
    const { size, digests: { sha256 } = {} } = images.get(path) ?? {};
    return size === undefined || sha256 === undefined ? {} : { bytes: size, sha256 };
  };
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
  const phases = told(plan(manifest, parts));
  if (manifest.recovery === undefined) return { phases };
  const nothingMade = { domains: [], place: 'free', keyMade: false } as const;
  return { phases, recovery: told(recover(manifest, nothingMade)) };
}

const iommuWords = {
  required: 'required',
  optional: 'optional: without one a device can change what was measured, and read every domain',
};

/** Whose approval it takes, by the name that `domb approve` prints. */
function openedBy({ approver, label }: Extract<Operation, { do: 'open-vtpm-key' }>) {
  const key = objectName(approverOf(Buffer.from(approver), 'approver')).toString('hex');
  return { 'approved by': key, ...(label === '' ? {} : { label }) };
}

type LookUp = (path: string) => Record<string, string | number>;

function detailsOf(
  operation: Operation,
  { platform }: Manifest,
  lookUp: LookUp,
): Record<string, string | number> {
  const platformPcr = platform.measurement.pcr;
  switch (operation.do) {
    case 'measure-image': {
      const { domain, component, segment = 0 } = operation;
      const image = { component, segment };
      const path = measuredImagePath(operation);
      const file = path === undefined ? {} : { file: path, ...lookUp(path) };
      return { ...file, ...shownWith('measure-image', domain, { platformPcr, image }) };
    }
    case 'measure-script':
      return { file: operation.script.run, ...lookUp(operation.script.run) };
    case 'run-script': {
      const { run, timeoutSeconds } = operation.script;
      return { file: run, 'at most': `${timeoutSeconds} s` };
    }
    case 'create-domain':
    case 'build-domain':
    case 'measure-domain':
      return shownWith(operation.do, operation.domain, { platformPcr });
    case 'check-hypervisor':
      return { IOMMU: iommuWords[platform.iommu] };
    case 'open-vtpm-key':
      return openedBy(operation);
    case 'hand-over':
      return { directory: platform.handover.directory };
    case 'cap-pcr':
      return { pcr: platformPcr };
    default:
      return {};
  }
}
