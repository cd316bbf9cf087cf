import { allowedOf } from '../allowed.ts';
import type { Policy } from '../model.ts';
import { builderType, buildingType, domainTypes, sidType } from '../platform-types.ts';

/** The type of protected guests in our policy: it is one whatever else a policy says of it. */
const PROTECTED = 'guarded_t';

/** A domain of the manifest, as far as it matters for what its type may be allowed. */
export interface PlatformDomain {
  /** The type of its label. */
  type: string;
  hardware: boolean;
  /** Whether it serves TPMs to others. */
  servesTpms: boolean;
  /** Whether the manifest gives it devices. */
  devices: boolean;
}

/** Which types are what on a platform, while its domains run. */
export interface PlatformTypes {
  policy: Policy;
  /** The boot domain's. */
  builder: string;
  hardware: ReadonlySet<string>;
  /** Those that serve TPMs. */
  servers: ReadonlySet<string>;
  /** Those of guests that drive devices. */
  drivers: ReadonlySet<string>;
  /** All others that domains of the manifest have, and what domains without a label get. */
  guests: ReadonlySet<string>;
  /** What domains without a label get. */
  unlabelled: ReadonlySet<string>;
  /** Into domains of these nobody may look: the boot domain, TPMs' servers, and guests that only the boot domain makes. */
  closed: ReadonlySet<string>;
  /** All that domains can have when they run. */
  all: readonly string[];
  /** Those that domains have while they are built, where these differ, with what they become. */
  building: ReadonlyMap<string, string>;
}

/** Sorts the types of a policy by the domains of a manifest. */
export function platformTypes(policy: Policy, domains: readonly PlatformDomain[]): PlatformTypes {
  const all = domainTypes(policy);
  const of = (choose: (domain: PlatformDomain) => boolean) =>
    new Set(domains.filter(choose).map(({ type }) => type));
  const builder = builderType(policy) ?? '';
  const hardware = of((each) => each.hardware);
  const servers = of((each) => each.servesTpms && !each.hardware);
  const drivers = of((each) => each.devices && !each.hardware && !each.servesTpms);
  const guests = of((each) => !each.hardware && !each.servesTpms && !each.devices);
  const without = ['domU', 'domDM'].map((sid) => sidType(policy, sid));
  const unlabelled = new Set(without.filter((type) => type !== undefined));
  for (const type of unlabelled) if (!hardware.has(type) && type !== builder) guests.add(type);
  const madeByOthers = (type: string) =>
    all.some(
      (source) => source !== builder && allowedOf(policy, source, type, 'domain').has('create'),
    );
  const alone = [...guests, ...drivers].filter((type) => !madeByOthers(type));
  const building = new Map(
    all.flatMap((type) => {
      const before = buildingType(policy, type);
      return before === type ? [] : [[before, type] as const];
    }),
  );
  const known = [...guests, ...drivers].filter((type) => type === PROTECTED);
  const closed = new Set([builder, ...servers, ...alone, ...known]);
  return {
    ...{ policy, builder, hardware, servers, drivers, guests },
    ...{ unlabelled, closed, all, building },
  };
}

/** What a type becomes when it is built, or is. */
export function running({ building }: PlatformTypes, type: string): string {
  return building.get(type) ?? type;
}
