import type { DomainType } from '../../domains/settings.ts';
import type { Lack } from './lacking.ts';
import type { Policy } from './model.ts';

/** What a domain to be made is like. */
export interface DomainKind {
  type: DomainType | undefined;
  hardware: boolean;
  /** Whether it is tied to some CPUs. */
  affinity: boolean;
  /** Whether it is started by the boot. */
  started: boolean;
}

/** Permissions by class. */
type Needs = Readonly<Record<string, readonly string[]>>;

// What the calls in bindings/xen, and those of libxenguest below them, are asked for by xen/xsm/flask/hooks.c. Only what a boot does
// not come by without: a policy that gives less is refused before anything is built.
const ALWAYS: Needs = {
  domain: ['max_vcpus', 'setdomainmaxmem'],
  // The grant table, to enter the grants of xenstore and console.
  domain2: ['resource_map'],
  mmu: ['map_read', 'map_write', 'adjust', 'mmuext_op', 'memorymap'],
};
const ASSISTED: Needs = {
  domain: ['setpagingmempool'],
  hvm: ['setparam', 'gethvmc', 'sethvmc'],
};
/** To read back what it has. */
const READ_BACK: Needs = {
  domain: ['getdomaininfo', 'getaffinity'],
  grant: ['query'],
};
/** The same, where the policy is one for a Xen that has these questions. */
const READ_BACK_OWN = ['get_permissions', 'get_creation', 'get_evtchns'];
const BY_TYPE: Readonly<Record<DomainType, Needs>> = {
  pv: { domain: ['setaddrsize', 'hypercall', 'setvcpucontext'], mmu: ['pinpage'] },
  pvh: ASSISTED,
  hvm: ASSISTED,
};
const HARDWARE: Needs = { domain2: ['create_hardware_domain'] };
const GUEST: Needs = { domain2: ['set_cpu_policy'] };
const AFFINITY: Needs = { domain: ['setaffinity'] };

/** What the boot domain needs to make such a domain, over the type that it is built with and the one that it runs with. */
export function creationNeeds(
  { classes }: Pick<Policy, 'classes'>,
  builder: string,
  { running, building }: { running: string; building: string },
  { type, hardware, affinity, started }: DomainKind,
): Lack[] {
  const known = classes.get('domain2')?.permissions;
  const own = { domain2: READ_BACK_OWN.filter((permission) => known?.has(permission)) };
  const needs = [
    ...[ALWAYS, READ_BACK, own],
    ...(type === undefined ? [] : [BY_TYPE[type]]),
    hardware ? HARDWARE : GUEST,
    ...(affinity ? [AFFINITY] : []),
  ];
  const over = (target: string, each: Needs): Lack[] =>
    Object.entries(each).map(([name, permissions]) => ({
      ...{ source: builder, target, class: name },
      permissions,
    }));
  return [
    // Without it nothing else matters.
    ...over(building, { domain: ['create'] }),
    ...needs.flatMap((each) => over(building, each)),
    ...(running === building ? [] : relabelling(builder, running, building)),
    ...(started ? over(running, { domain: ['unpause'] }) : []),
  ];
}

/** flask_relabel_domain */
function relabelling(builder: string, running: string, building: string): Lack[] {
  return [
    { source: builder, target: building, class: 'domain2', permissions: ['relabelfrom'] },
    { source: builder, target: running, class: 'domain2', permissions: ['relabelto'] },
    { source: building, target: running, class: 'domain', permissions: ['transition'] },
  ];
}
