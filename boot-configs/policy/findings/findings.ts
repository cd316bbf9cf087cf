import { allowedOf } from '../allowed.ts';
import type { Policy } from '../model.ts';
import { powersOf } from '../powers.ts';
import { labelsOf } from '../resources.ts';
import { type Forbidden, forbidden } from './forbidden.ts';
import { type PlatformDomain, type PlatformTypes, platformTypes } from './platform.ts';

/** A rule of a policy that takes away what a platform is to hold. */
export interface PolicyFinding {
  /** Stable name. */
  rule: string;
  message: string;
  /** What to do about it. */
  hint: string;
  /** The type that has the permissions; `*` for all. */
  source: string;
  target: string;
  class: string;
  /** Sorted. */
  permissions: string[];
}

/** What a policy allows that it should not on a platform with these domains. */
export function policyFindings(
  policy: Policy,
  domains: readonly PlatformDomain[],
): PolicyFinding[] {
  const types = platformTypes(policy, domains);
  return [
    ...unenforced(policy),
    ...forbidden.flatMap((each) => held(each, types)),
    ...unconfined(types),
    ...guestPowers(types),
  ];
}

/** Who has what is forbidden. */
function held(each: Forbidden, types: PlatformTypes): PolicyFinding[] {
  const { policy, all, building } = types;
  const { rule, class: name, permissions, but = [], does, over, may } = each;
  const targets = [...policy.types.keys()].filter((target) => over?.(target, types) ?? true);
  return [...all, ...building.keys()].flatMap((source) =>
    targets.flatMap((target) => {
      const found = [...allowedOf(policy, source, target, name)]
        .filter((one) => (permissions?.includes(one) ?? true) && !but.includes(one))
        .sort();
      if (found.length === 0 || may?.(source, target, types)) return [];
      return [finding(rule, `${source} ${does(target)}`, { source, target, class: name }, found)];
    }),
  );
}

/** Devices that do DMA to all memory, in the hands of others than the hardware domain, and the boot domain before it. */
function unconfined({ policy, all, builder, hardware }: PlatformTypes): PolicyFinding[] {
  const devices = labelsOf(policy, 'pci', 0, 0xffff_ffff).map(({ context }) => context.type);
  return all
    .filter((source) => source !== builder && !hardware.has(source))
    .flatMap((source) =>
      [...new Set(devices)].flatMap((value) => {
        const target = policy.typesByValue.get(value)?.name;
        if (target === undefined) return [];
        if (!allowedOf(policy, source, target, 'resource').has('use_noiommu')) return [];
        const message = `${source} can have PCI devices whose DMA no IOMMU confines`;
        const where = { source, target, class: 'resource' };
        return [finding('dma-unconfined', message, where, ['use_noiommu'])];
      }),
    );
}

/** Powers of types that only guests have, in the manifest or later. */
function guestPowers({ policy, all, builder, hardware }: PlatformTypes): PolicyFinding[] {
  return all
    .filter((type) => type !== builder && !hardware.has(type))
    .flatMap((type) => powersOf(policy, type))
    .flatMap(({ over, source, target, class: name, permissions }) => {
      // To use a device takes that somebody gives it.
      const more = permissions.filter((each) => !each.startsWith('use'));
      if (more.length === 0) return [];
      const message = `${source}, a type for guests, has power over ${over}`;
      return [finding('guest-powers', message, { source, target, class: name }, more)];
    });
}

function unenforced(policy: Policy): PolicyFinding[] {
  const everything = { target: '*', class: '*' };
  const permissive = [...policy.permissive].flatMap((value) => {
    const source = policy.typesByValue.get(value)?.name;
    if (source === undefined) return [];
    const message = `${source} is permissive: Xen refuses it nothing`;
    return [
      {
        ...finding('permissive', message, { source, ...everything }, ['*']),
        hint: `remove "permissive ${source}" from the policy`,
      },
    ];
  });
  if (!policy.allowsUnknown) return permissive;
  const message = 'Xen lets pass what this policy has no permission for';
  return [
    ...permissive,
    {
      ...finding('unknown-allowed', message, { source: '*', ...everything }, ['*']),
      hint: 'compile the policy with "-U deny", as checkpolicy does by default',
    },
  ];
}

function finding(
  rule: string,
  says: string,
  where: { source: string; target: string; class: string },
  permissions: string[],
): PolicyFinding {
  const { source, target, class: name } = where;
  const rights = `${source} ${target}:${name} { ${permissions.join(' ')} }`;
  return { rule, message: says, hint: `take "${rights}" out of the policy`, ...where, permissions };
}
