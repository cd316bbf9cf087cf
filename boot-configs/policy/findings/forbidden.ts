import { allowedOf } from '../allowed.ts';
import { type PlatformTypes, running } from './platform.ts';

/** Permissions that only some may have over some. */
export interface Forbidden {
  /** Stable name. */
  rule: string;
  class: string;
  /** All of the class, or those that count, or all but those that do not. */
  permissions?: readonly string[];
  but?: readonly string[];
  /** What they let `source` do, as it follows its name. */
  does(target: string): string;
  /** Whether a right over this target is looked at; the default: over any type. */
  over?(target: string, types: PlatformTypes): boolean;
  /** Whether this source may have it. */
  may?(source: string, target: string, types: PlatformTypes): boolean;
}

/** What one domain can do to another without looking into it, beside seeing it. */
const SEEN = ['getdomaininfo', 'getvcpuinfo', 'getaffinity', 'getscheduler'];

const isBuilder = (source: string, _: string, { builder }: PlatformTypes) => source === builder;
const isHardware = (source: string, _: string, { hardware }: PlatformTypes) => hardware.has(source);

/** Domains that nobody may look into, while they are built and afterwards. */
const isClosed = (target: string, types: PlatformTypes) => types.closed.has(running(types, target));

const looksInside = (name: string, permissions?: readonly string[]): Forbidden => ({
  rule: 'looks-inside',
  class: name,
  ...(permissions && { permissions }),
  does: (target) => `can look into ${target} or change what is in it`,
  over: isClosed,
  // What the boot domain keeps has a rule of its own.
  may: (source, target, { builder }) => source === target || source === builder,
});

const sharing = (target: string) => `can share memory that ${target} grants`;
const SHARING = ['map_read', 'map_write', 'copy', 'transfer'];

/** Everything that a platform should allow nobody, or one domain only. */
export const forbidden: readonly Forbidden[] = [
  {
    rule: 'policy-changes',
    class: 'security',
    permissions: ['setenforce', 'setbool', 'setsecparam', 'add_ocontext', 'del_ocontext'],
    does: () => 'can change the policy or turn its enforcement off',
  },
  {
    rule: 'policy-loads',
    class: 'security',
    permissions: ['load_policy'],
    does: () => 'can load another policy',
    may: isBuilder,
  },
  {
    rule: 'hypervisor-replaced',
    class: 'xen',
    permissions: ['kexec'],
    does: () => 'can start something else in place of the measured hypervisor',
  },
  {
    rule: 'hypervisor-replaced',
    class: 'xen2',
    permissions: ['livepatch_op'],
    does: () => 'can change the code of the measured hypervisor',
  },
  {
    rule: 'hypervisor-replaced',
    class: 'xen',
    permissions: ['microcode'],
    does: () => 'can change the code of the processors',
  },
  {
    rule: 'powers-down',
    class: 'xen',
    permissions: ['sleep'],
    does: () => 'can power the machine down',
    may: isHardware,
  },
  ...(
    [
      ['xen', ['debug', 'tbufcontrol', 'perfcontrol', 'lockprof', 'privprofile']],
      ['xen2', ['coverage_op', 'get_symbol', 'pmu_ctrl']],
    ] as const
  ).map(
    ([name, permissions]): Forbidden => ({
      rule: 'developer-rights',
      class: name,
      permissions,
      does: () => 'can watch what the hypervisor and all domains do',
    }),
  ),
  {
    rule: 'label-changes',
    class: 'domain2',
    permissions: ['relabelself', 'relabelfrom'],
    does: (target) => `can give a domain labelled ${target} another label`,
    may: (source, target, { builder, building }) => source === builder && building.has(target),
  },
  {
    rule: 'label-changes',
    class: 'domain2',
    permissions: ['relabelto'],
    does: (target) => `can give a domain the label ${target}`,
    may: (source, target, { builder, building }) =>
      source === builder && [...building.values()].includes(target),
  },
  {
    rule: 'label-changes',
    class: 'domain',
    permissions: ['transition'],
    does: (target) => `can become ${target}`,
    may: (source, target, { building }) => building.get(source) === target,
  },
  {
    rule: 'platform-domains-made',
    class: 'domain2',
    permissions: ['create_hardware_domain'],
    does: (target) => `can make a domain labelled ${target} the hardware domain`,
    may: isBuilder,
  },
  {
    rule: 'platform-domains-made',
    class: 'domain',
    permissions: ['create'],
    does: (target) => `can create a domain with the label ${target}`,
    over: (target, types) => {
      const type = running(types, target);
      return types.hardware.has(type) || types.closed.has(type);
    },
    may: (source, target, { builder }) => source === builder && target !== builder,
  },
  ...['mmu', 'hvm', 'shadow'].map((name) => looksInside(name)),
  looksInside('domain', ['setvcpucontext', 'getvcpucontext', 'setdebugging', 'set_target']),
  looksInside('domain2', [
    ...['vm_event', 'mem_access', 'mem_paging', 'mem_sharing', 'resource_map', 'soft_reset'],
    ...['set_cpu_policy', 'make_priv_for', 'set_as_target'],
  ]),
  looksInside('grant', ['setup']),
  {
    rule: 'tpm-server-stopped',
    class: 'domain',
    but: [...SEEN, 'unpause', 'create', 'transition'],
    does: (target) => `can stop or change ${target}, which serves TPMs`,
    over: (target, { servers }) => servers.has(target),
    may: isBuilder,
  },
  {
    rule: 'tpm-server-shares',
    class: 'grant',
    permissions: SHARING,
    does: sharing,
    over: (target, { servers }) => servers.has(target),
    may: (source, target, { hardware }) => source === target || hardware.has(source),
  },
  {
    rule: 'guests-share',
    class: 'grant',
    permissions: SHARING,
    does: sharing,
    over: (target, { guests }) => guests.has(target),
    // Those that serve others are asked for it: they may map what guests grant them, and grant them nothing.
    may: (source, target, types) =>
      !types.guests.has(source) || servesGuests(source, target, types),
  },
  {
    rule: 'builder-keeps',
    class: 'domain',
    but: [...SEEN, 'unpause', 'destroy', 'shutdown', 'create', 'transition'],
    does: (target) => `keeps its rights over ${target} when that runs`,
    over: (target, types) => isOfPlatform(target, types),
    may: (source, _, { builder }) => source !== builder,
  },
  ...['mmu', 'hvm', 'shadow'].map(
    (name): Forbidden => ({
      rule: 'builder-keeps',
      class: name,
      does: (target) => `keeps its rights over ${target} when that runs`,
      over: (target, types) => isOfPlatform(target, types),
      may: (source, _, { builder }) => source !== builder,
    }),
  ),
];

/** Whether the one may map what the other grants, and not the other way round, without being what domains without a label are. */
function servesGuests(
  source: string,
  target: string,
  { policy, unlabelled }: PlatformTypes,
): boolean {
  if (unlabelled.has(source)) return false;
  const back = allowedOf(policy, target, source, 'grant');
  return !SHARING.some((each) => back.has(each));
}

/** A type that a domain of the platform runs with, the boot domain's aside. */
function isOfPlatform(target: string, types: PlatformTypes): boolean {
  const { hardware, servers, drivers, guests } = types;
  return [hardware, servers, drivers, guests].some((set) => set.has(target));
}
