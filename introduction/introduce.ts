import { type DomainInfo, HypervisorError } from '../bindings/hypervisor.ts';
import type { ControlDomain } from './control-domain.ts';
import { libxlConfiguration } from './libxl-config.ts';
import { domainNodes, namePath, startTimePath } from './nodes.ts';
import type { BootDomain, BootRecord } from './record.ts';

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
  /** Why it failed, and what to do. */
  problem?: { message: string; hint: string };
}

/** A dom0 that can't introduce anybody. */
export class IntroductionError extends Error {
  override name = 'IntroductionError';
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

/**
 * Introduces the domains of a boot to xenstore: describes each there, under its name, and has xenstored serve those that
 * were given a ring. What was done before is not done again; what fails for one domain is done for the others.
 * @param now seconds since 1970
 */
export function introduceAll(
  { hardwareDomid, domains }: BootRecord,
  control: ControlDomain,
  now: number,
): Introduction[] {
  if (hardwareDomid !== 0) {
    throw new IntroductionError(
      `this dom0 is domain ${hardwareDomid}: xenstored takes its local clients for domain 0, which has no rights there`,
      'start Xen with the boot-domain option, and give the hardware domain domid 0',
    );
  }
  const existing = new Map(control.domains().map((info) => [info.domid, info]));
  return domains
    .filter(({ hardware }) => !hardware)
    .map((domain) => {
      const { name, domid } = domain;
      try {
        return { name, domid, outcome: introduceOne(domain, existing.get(domid), control, now) };
      } catch (error) {
        return { name, domid, outcome: 'failed', problem: problemOf(error) };
      }
    });
}

/** What can be said to people about an error; defects are thrown on. */
export function problemOf(error: unknown): { message: string; hint: string } {
  if (error instanceof IntroductionError || error instanceof HypervisorError) {
    return { message: error.message, hint: error.hint };
  }
  throw error;
}

function introduceOne(
  domain: BootDomain,
  info: DomainInfo | undefined,
  control: ControlDomain,
  now: number,
): Introduction['outcome'] {
  const { domid, uuid, xenstore } = domain;
  if (info === undefined || info.dying) return 'is gone';
  // A domid may be somebody else's by now, a UUID is not.
  if (info.uuid !== uuid) return 'is another domain';
  if (xenstore && control.isIntroduced(domid)) return 'was introduced';
  // Its name may have been written by the script, which writes nothing else.
  const known = control.read(startTimePath(domain)) !== undefined;
  if (known && !xenstore && control.read(namePath(domain)) !== undefined) return 'was named';
  control.keepConfiguration(domid, libxlConfiguration(domain));
  control.write(domid, domainNodes(domain, now));
  if (!xenstore) return 'named';
  control.introduce(domain, xenstore);
  return 'introduced';
}
