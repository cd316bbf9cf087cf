import { expectedCreation } from './creation-outcome.ts';
import type {
  CreationOutcome,
  DomainHoldings,
  EventChannel,
  PageGrant,
  Permissions,
} from './holdings.ts';
import type { DomainCreation, DomainInfo, DomainRings, HostInfo } from './hypervisor.ts';

/** What the simulated Xen knows of a domain. */
export interface SimulatedDomain {
  info: DomainInfo;
  /** Undefined for the boot domain, which was there before. */
  creation: DomainCreation | undefined;
  rings: DomainRings;
  built: boolean;
  permissions: Permissions;
  hardwareDomid: number;
}

/** What it answers when it is asked what a domain has. @param asked false for a Xen that lacks some of the questions */
export function simulatedHoldings(
  { info, creation, rings, built, permissions, hardwareDomid }: SimulatedDomain,
  host: Pick<HostInfo, 'cpus' | 'commandLine' | 'iommu'>,
  asked: boolean,
): DomainHoldings {
  const { domid, uuid, seclabel, hardwareAssisted, paused, dying, shutdown } = info;
  const { memoryKiB, maxMemoryKiB, vcpus } = info;
  const cpus = creation === undefined || creation.cpus === 'all' ? host.cpus : creation.cpus;
  const outcome = creation ? expectedCreation(creation, host) : BOOT_DOMAIN;
  return {
    ...{ domid, uuid, seclabel, hardwareAssisted, paused, memoryKiB, maxMemoryKiB, vcpus, cpus },
    dying: dying || shutdown,
    eventChannels: asked
      ? built && creation
        ? channels(creation, rings, hardwareDomid)
        : []
      : undefined,
    grants: creation && grants(rings, hardwareDomid),
    permissions: asked ? permissions : undefined,
    creation: asked ? outcome : undefined,
  };
}

/** Xen gives the boot domain what the machine has. */
const BOOT_DOMAIN: CreationOutcome = {
  ...{ grantFrames: 64, maptrackFrames: 1024, eventChannels: 0x7fff_ffff, emulated: 0 },
  ...{ nestedHvm: false, msrRelaxed: false, iommu: false, xenstoreDomain: false, vpmu: false },
  traceBytes: 0,
};

function channels(
  { type }: DomainCreation,
  { xenstore, console }: DomainRings,
  peer: number,
): EventChannel[] {
  const ports = [
    ...(type !== 'pv' && xenstore === undefined ? [1] : []),
    ...[xenstore, console].flatMap((ring) => (ring === undefined ? [] : [ring.port])),
  ];
  return ports.map((port) => ({ port, state: 'waiting', peer }));
}

function grants({ xenstore, console }: DomainRings, to: number): PageGrant[] {
  return [console, xenstore].flatMap((ring, reference) =>
    ring === undefined ? [] : [{ reference, to, readOnly: false, frame: ring.frame }],
  );
}
