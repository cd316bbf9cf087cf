import { allowedOf } from './allowed.ts';
import type { Policy } from './model.ts';
import { buildingTypes, domainTypes, selfType, sidType } from './platform-types.ts';

/** What a power is over. */
export type PowerOver = 'the hypervisor' | 'the policy' | 'other domains' | 'devices';

/** Permissions that let a domain do more than be a guest and talk to those that talk to it. */
export interface Power {
  over: PowerOver;
  source: string;
  target: string;
  class: string;
  /** Sorted. */
  permissions: string[];
}

/** Of the classes that are about Xen itself: what any kernel may do. */
const HARMLESS: Readonly<Record<string, readonly string[]>> = {
  xen: ['writeconsole', 'nonprivprofile'],
  xen2: ['pmu_use'],
  security: ['check_context', 'compute_av', 'compute_create', 'compute_member', 'compute_relabel'],
};

/**
 * Of the classes that are about another domain. To see a domain is no power over it; nor is to be the old label of one that
 * somebody else relabels, or to use what a domain grants and an event channel to it, which take its consent.
 */
const CONSENTED: Readonly<Record<string, readonly string[]>> = {
  domain: ['getdomaininfo', 'transition'],
  domain2: [],
  hvm: [],
  shadow: [],
  mmu: [],
  grant: ['map_read', 'map_write', 'unmap', 'copy', 'transfer'],
  event: ['bind', 'send', 'status', 'create'],
};

/** All powers of a type. */
export function powersOf(policy: Policy, type: string): Power[] {
  return [
    ...Object.entries(HARMLESS).flatMap(([name, harmless]) =>
      [...policy.types.keys()].flatMap((target) =>
        power(policy, name === 'security' ? 'the policy' : 'the hypervisor', {
          source: type,
          target,
          class: name,
          harmless,
        }),
      ),
    ),
    ...powersOverDomains(policy, type),
    ...powersOverMemory(policy, type),
    ...powersOverDevices(policy, type),
  ];
}

/** Those over domains other than itself; where what it is to itself has no type of its own, over none of its own type. */
function powersOverDomains(policy: Policy, type: string): Power[] {
  const own = selfType(policy, type);
  return [...domainTypes(policy), ...buildingTypes(policy)]
    .filter((target) => target !== own)
    .flatMap((target) => powersOverDomain(policy, type, target));
}

/** Those that a domain of one type has over another one of another type, or of the same. */
export function powersOverDomain(policy: Policy, source: string, target: string): Power[] {
  return Object.entries(CONSENTED).flatMap(([name, harmless]) =>
    power(policy, 'other domains', { source, target, class: name, harmless }),
  );
}

/** Rights to hardware; what every domain needs of its own memory is not among them, nor memory of devices, which takes such a right. */
function powersOverDevices(policy: Policy, type: string): Power[] {
  const own = selfType(policy, type);
  return [...policy.types.keys()]
    .filter((target) => target !== own)
    .flatMap((target) => [
      ...power(policy, 'devices', { source: type, target, class: 'resource', harmless: [] }),
      ...power(policy, 'devices', { source: type, target, class: 'hvm', only: ['bind_irq'] }),
    ]);
}

/** The memory map of the machine, and pages of Xen. */
function powersOverMemory(policy: Policy, type: string): Power[] {
  return ['xen', 'domxen'].flatMap((sid) => {
    const target = sidType(policy, sid);
    if (target === undefined) return [];
    return power(policy, 'the hypervisor', { source: type, target, class: 'mmu', harmless: [] });
  });
}

function power(
  policy: Policy,
  over: PowerOver,
  {
    source,
    target,
    class: name,
    harmless = [],
    only,
  }: {
    source: string;
    target: string;
    class: string;
    harmless?: readonly string[];
    only?: readonly string[];
  },
): Power[] {
  const allowed = [...allowedOf(policy, source, target, name)];
  const permissions = allowed
    .filter((each) => !harmless.includes(each) && (only?.includes(each) ?? true))
    .sort();
  return permissions.length === 0 ? [] : [{ over, source, target, class: name, permissions }];
}
