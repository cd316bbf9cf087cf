import { meaningOf } from '../meaning/all.ts';
import type { Policy } from '../model.ts';
import { rulesAbout, type SourceRule } from '../source/source-rules.ts';
import type { Denial } from './denials.ts';
import { isAllowed, wordsFor } from './rights.ts';

/** What a rule would be that allows what was refused. Nothing is applied. */
export interface Proposal {
  denial: Denial;
  /** The rule as a module would have it; empty where the policy allows all of it already. */
  rule: string;
  /** What it lets, in words that follow "may" and call the target "it". */
  may: string[];
  /** Permissions that this policy allows: the console is of another one. */
  allowed: string[];
  /** What this policy has not: types, the class or permissions. */
  unknown: string[];
  /** The module with the rules of the source, as m4 was given it; nothing where the modules are not known. */
  module?: string;
  /** Assertions that such a rule would violate: the policy would not compile. */
  violates: SourceRule[];
  /** How much information would go from the source to the target and back, 0 to 10. */
  flow: { there: number; back: number };
}

/** Makes of each refusal a proposal; `sources` are the rules of the modules, or none where they are not known. */
export function proposalFor(
  policy: Policy,
  denial: Denial,
  sources: readonly SourceRule[],
): Proposal {
  const { source, target, class: about } = denial;
  const permissions = policy.classes.get(about)?.permissions;
  const unknown = [
    ...[source, target].filter((type) => !policy.types.has(type)),
    ...(permissions === undefined ? [about] : []),
    ...(permissions ? denial.permissions.filter((each) => !permissions.has(each)) : []),
  ];
  const allowed =
    unknown.length > 0
      ? []
      : denial.permissions.filter((each) => isAllowed(policy, source, target, about, each));
  const wanted = denial.permissions.filter((each) => !allowed.includes(each));
  const accesses = wanted.map((permission) => ({ source, target, class: about, permission }));
  const violates = accesses.flatMap((access) => rulesAbout(sources, policy, 'neverallow', access));
  const module = moduleOf(sources, source, target);
  const one = wanted.length === 1 ? wanted[0] : `{ ${wanted.join(' ')} }`;
  return {
    denial,
    rule: wanted.length === 0 ? '' : `allow ${source} ${target}:${about} ${one};`,
    may: wanted.map((permission) => wordsFor(about, permission)),
    allowed,
    unknown,
    ...(module === undefined ? {} : { module }),
    violates: [...new Set(violates)],
    flow: flowOf(about, wanted),
  };
}

/** Where the source's rules towards the target stand, or else most of its rules. */
function moduleOf(
  sources: readonly SourceRule[],
  source: string,
  target: string,
): string | undefined {
  const own = sources.filter(
    (rule) => rule.kind !== 'neverallow' && rule.source.names.includes(source),
  );
  const towards = own.filter((rule) => rule.target.names.includes(target));
  const counts = Map.groupBy(towards.length > 0 ? towards : own, ({ file }) => file);
  const [most] = [...counts].toSorted(([, one], [, other]) => other.length - one.length);
  return most?.[0];
}

function flowOf(about: string, permissions: readonly string[]): Proposal['flow'] {
  const meanings = permissions.map((each) => meaningOf(about, each) ?? (['', 'b', 10] as const));
  const widest = (ways: readonly string[]) =>
    Math.max(0, ...meanings.map(([, way, weight]) => (ways.includes(way) ? weight : 0)));
  return { there: widest(['w', 'b']), back: widest(['r', 'b']) };
}
