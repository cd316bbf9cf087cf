import type { DomainInfo } from '../bindings/hypervisor.ts';
import type { ControlDomain } from './control-domain.ts';
import { IntroductionError, type IntroductionProblem, problemOf } from './introduction-error.ts';
import { libxlConfiguration } from './libxl-config.ts';
import { domainNodes, namePath, startTimePath } from './nodes.ts';
import type { BootDomain, BootRecord } from './record.ts';
import { unservable } from './store-daemon.ts';
import type { StoreNode } from './store-node.ts';
import { servedNodes, vtpmBackendPath, vtpmNodes, vtpmUuidPath } from './vtpm-nodes.ts';

/** What became of a domain: introduced or named now or before, or why neither. */
export interface Introduction {
  name: string;
  domid: number;
  outcome:
    | 'introduced'
    | 'named'
    | 'was introduced'
    | 'was named'
    | 'is gone'
    | 'is another domain'
    | 'failed';
  /** xenstored serves it, and it does not make use of that yet. */
  silent?: true;
  problem?: IntroductionProblem;
}

/**
 * Introduces the domains of a boot to xenstore: describes each there, under its name, and has xenstored serve those that
 * were given a ring. What was done before is not done again; what fails for one domain is done for the others.
 * @param now seconds since 1970
 * @param told is told of each domain as soon as it is done
 */
export function introduceAll(
  { hardwareDomid, domains }: BootRecord,
  control: ControlDomain,
  now: number,
  told: (introduction: Introduction) => void = () => {},
): Introduction[] {
  if (hardwareDomid !== 0) {
    throw new IntroductionError(
      `this dom0 is domain ${hardwareDomid}: xenstored takes its local clients for domain 0, which has no rights there`,
      'start Xen with the boot-domain option, and give the hardware domain domid 0',
    );
  }
  const existing = new Map(control.domains().map((info) => [info.domid, info]));
  const introduced = (domain: BootDomain): Introduction => {
    const { name, domid } = domain;
    try {
      return { name, domid, outcome: introduceOne(domain, existing, control, now) };
    } catch (error) {
      return { name, domid, outcome: 'failed', problem: problemOf(error) };
    }
  };
  // Domain 0 serves xenstore, and finds there a TPM of its own at most.
  return domains
    .filter(({ hardware, vtpm }) => !hardware || vtpm !== undefined)
    .sort((one, other) => Number(one.hardware) - Number(other.hardware))
    .map((domain) => {
      const introduction = introduced(domain);
      told(introduction);
      return introduction;
    });
}

/** The TPM that another domain serves to this one. */
function offerOwnTpm(
  domain: BootDomain,
  existing: ReadonlyMap<number, DomainInfo>,
  control: ControlDomain,
): Introduction['outcome'] {
  const { domid, vtpm } = domain;
  const nodes = vtpm === undefined ? [] : lostVtpmNodes(domain, vtpm.domid, control);
  if (nodes.length === 0) return 'was introduced';
  requireBackend(domain, existing);
  control.write(domid, nodes);
  return 'introduced';
}

function introduceOne(
  domain: BootDomain,
  existing: ReadonlyMap<number, DomainInfo>,
  control: ControlDomain,
  now: number,
): Introduction['outcome'] {
  const { domid, uuid, xenstore } = domain;
  if (domain.hardware) return offerOwnTpm(domain, existing, control);
  const info = existing.get(domid);
  if (info === undefined || info.dying) return 'is gone';
  // A domid may be somebody else's by now, a UUID is not.
  if (info.uuid !== uuid) return 'is another domain';
  if (xenstore && control.isIntroduced(domid)) {
    return restore(domain, info.seclabel, existing, control, now) ? 'introduced' : 'was introduced';
  }
  // Its name may have been written by the script, which writes nothing else.
  const known = control.read(startTimePath(domain)) !== undefined;
  if (known && !xenstore && control.read(namePath(domain)) !== undefined) return 'was named';
  requireBackend(domain, existing);
  control.keepConfiguration(domid, libxlConfiguration(domain, info.seclabel));
  control.write(domid, domainNodes(withoutKnownVtpm(domain, control), now));
  if (!xenstore) return 'named';
  // It has its name by now, for xl.
  if (control.storeDaemon() === 'oxenstored' && !control.mayMap(info.seclabel)) {
    throw unservable(domain.name, info.seclabel);
  }
  control.introduce(domain, xenstore);
  return 'introduced';
}

/**
 * Writes anew what xenstore has lost of a domain that it serves, as when "xl destroy" was refused: libxl has removed all entries by
 * then. What both ends of a device have written stays.
 * @returns whether something was lost
 */
function restore(
  domain: BootDomain,
  seclabel: string,
  existing: ReadonlyMap<number, DomainInfo>,
  control: ControlDomain,
  now: number,
): boolean {
  const { domid, vtpm } = domain;
  const { vtpm: _, ...itself } = domain;
  const nodes = [
    ...(control.read(namePath(domain)) === undefined ? domainNodes(itself, now) : []),
    ...(vtpm === undefined ? [] : lostVtpmNodes(domain, vtpm.domid, control)),
  ];
  if (nodes.length === 0) return false;
  requireBackend(domain, existing);
  control.keepConfiguration(domid, libxlConfiguration(domain, seclabel));
  control.write(domid, nodes);
  return true;
}

function lostVtpmNodes(domain: BootDomain, backend: number, control: ControlDomain): StoreNode[] {
  const { domid } = domain;
  if (control.read(vtpmBackendPath(domid)) === undefined) return vtpmNodes(domain, backend);
  const served = control.read(vtpmUuidPath(domid, backend)) !== undefined;
  return served ? [] : servedNodes(domain, backend);
}

/** Whoever has the domid by now is not who was measured as the one that serves TPMs. */
function requireBackend(
  { name, vtpm }: BootDomain,
  existing: ReadonlyMap<number, DomainInfo>,
): void {
  if (vtpm === undefined) return;
  const backend = existing.get(vtpm.domid);
  if (backend !== undefined && !backend.dying && backend.uuid === vtpm.uuid) return;
  const what = backend === undefined || backend.dying ? 'is gone' : 'is another domain by now';
  throw new IntroductionError(
    `domain ${vtpm.domid}, which serves the TPM of ${name}, ${what}`,
    'boot the platform anew: a guest whose TPM was promised is not run without it',
  );
}

/** A device that is there is in use, perhaps: what its two ends have written must stay. */
function withoutKnownVtpm(domain: BootDomain, control: ControlDomain): BootDomain {
  const { vtpm, ...others } = domain;
  if (vtpm === undefined) return domain;
  return control.read(vtpmUuidPath(domain.domid, vtpm.domid)) === domain.uuid ? others : domain;
}
