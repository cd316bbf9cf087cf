import type { DomainSettings } from '../../manifest.ts';
import { allowedOf } from '../allowed.ts';
import type { Policy } from '../model.ts';
import { builderType, domainTypes, isPermissive, selfType } from '../platform-types.ts';

/** Domains that have one type, and so the same rights. */
export interface Party {
  /** As text calls them. */
  name: string;
  type: string;
  /** The type that each is to itself. */
  self: string;
  /** Those of the manifest; none where only later ones have the type. */
  domains: readonly { name: string; domid: number; seclabel: string }[];
  /** True where another domain may create more of them. */
  later: boolean;
  /** True of the boot domain, which halts once the others run. */
  boot: boolean;
  /** The type that they have while they are built, where it is another. */
  building?: string;
}

/**
 * Who acts on a platform with these domains under a policy: the boot domain, whose type is that of the initial SID `dom0`, the
 * manifest's domains in their order, then those that domains may create later.
 */
export function partiesOf(policy: Policy, domains: readonly DomainSettings[]): Party[] {
  const byType = new Map<string, Party['domains']>();
  for (const { name, domid, seclabel } of domains) {
    const type = typeOfLabel(policy, seclabel);
    byType.set(type, [...(byType.get(type) ?? []), { name, domid, seclabel }]);
  }
  const present = [...byType.keys()];
  const later = domainTypes(policy).filter((type) =>
    present.some((creator) => mayCreate(policy, creator, type)),
  );
  const built = new Set(present.concat(later).flatMap((type) => buildTypes(policy, type)));
  const parties = [...new Set([...present, ...later])]
    .filter((type) => byType.has(type) || !built.has(type))
    .map((type): Party => {
      const of = byType.get(type) ?? [];
      const [building] = buildTypes(policy, type);
      return {
        name: nameOf(of, later.includes(type)),
        type,
        self: selfType(policy, type),
        domains: of,
        later: later.includes(type),
        boot: false,
        ...(building === undefined ? {} : { building }),
      };
    });
  return [...bootParty(policy), ...parties];
}

/** The type in a label, by its own name. */
export function typeOfLabel(policy: Policy, seclabel: string): string {
  const name = seclabel.split(':')[2] ?? '';
  return policy.aliases.get(name)?.name ?? name;
}

/** Types out of which a domain may become one of this type: those that it is built with. */
export function buildTypes(policy: Policy, type: string): string[] {
  return [...policy.types.values()].flatMap((from) => {
    // What a permissive type is not refused, nobody gave it.
    if (from.name === type || isPermissive(policy, from)) return [];
    return allowedOf(policy, from.name, type, 'domain').has('transition') ? [from.name] : [];
  });
}

function mayCreate(policy: Policy, creator: string, type: string): boolean {
  if (allowedOf(policy, creator, type, 'domain').has('create')) return true;
  return buildTypes(policy, type).some(
    (building) =>
      allowedOf(policy, creator, building, 'domain').has('create') &&
      allowedOf(policy, creator, type, 'domain2').has('relabelto'),
  );
}

function bootParty(policy: Policy): Party[] {
  const type = builderType(policy);
  if (type === undefined) return [];
  const self = selfType(policy, type);
  return [{ name: 'domB', type, self, domains: [], later: false, boot: true }];
}

function nameOf(domains: Party['domains'], later: boolean): string {
  const names = domains.map(({ name }) => name);
  return [...names, ...(later ? ['later guests'] : [])].join('/');
}
