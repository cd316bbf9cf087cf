import { silentOf } from '../allowed.ts';
import type { Policy } from '../model.ts';
import { sidType } from '../platform-types.ts';
import { ruleParts } from '../rules.ts';
import { type AskedAccess, rulesAbout, type SourceRule } from '../source/source-rules.ts';
import type { Asked } from './actions.ts';
import { isAllowed, wordsFor } from './rights.ts';

/** Whether an action is allowed, with what says so. */
export interface PolicyAnswer {
  allowed: boolean;
  /** One for each permission that was looked at. */
  permissions: Decision[];
}

export interface Decision extends AskedAccess {
  allowed: boolean;
  /** In words that follow "may" and call the target "it". */
  says: string;
  /** True where Xen logs no refusal (dontaudit). */
  silent: boolean;
  /** The rules of the compiled policy, as text; where there are some and it is refused, `limit` says why. */
  rules: string[];
  limit?: string;
  /** Of the modules: what allows it; where nothing does, what keeps its refusal quiet, and the assertions that forbid it. */
  sources: SourceRule[];
  /** Why it can't be allowed for this target. */
  note?: string;
}

/**
 * Answers what {@link askedFor} made of an action. `sources` are the rules of the modules that the policy was compiled from, or
 * none where they are not known.
 */
export function answerTo(
  policy: Policy,
  { accesses, all }: Asked,
  sources: readonly SourceRule[],
): PolicyAnswer {
  const permissions = accesses.map((access) => decisionOf(policy, access, sources));
  const allowed = all
    ? permissions.every((each) => each.allowed)
    : permissions.some((each) => each.allowed);
  return { allowed, permissions };
}

function decisionOf(policy: Policy, access: AskedAccess, sources: readonly SourceRule[]): Decision {
  const { source, target, class: about, permission } = access;
  const allowed = isAllowed(policy, source, target, about, permission);
  const rules = compiledRules(policy, access);
  const kinds = rules.length > 0 ? (['allow'] as const) : (['dontaudit', 'neverallow'] as const);
  const found = kinds.flatMap((kind) => rulesAbout(sources, policy, kind, access));
  return {
    ...access,
    allowed,
    silent: silentOf(policy, source, target, about).has(permission),
    says: wordsFor(about, permission),
    rules,
    sources: found,
    ...limitOf(policy, access, allowed, rules),
    ...noteOf(policy, access),
  };
}

function limitOf(
  policy: Policy,
  { source }: AskedAccess,
  allowed: boolean,
  rules: readonly string[],
) {
  const permissive = policy.permissive.has(policy.types.get(source)?.value ?? 0);
  if (allowed)
    return rules.length > 0 || !permissive
      ? {}
      : { limit: `${source} is permissive: nothing is refused to it` };
  return rules.length === 0
    ? {}
    : { limit: 'a constraint, or the bounds of a type, take it away again' };
}

/** The classes whose permissions Xen asks for towards itself or its security server only. */
const fixed: Readonly<Record<string, string>> = {
  xen: 'xen',
  xen2: 'xen',
  version: 'xen',
  security: 'security',
};

function noteOf(policy: Policy, { class: about, target }: AskedAccess): { note?: string } {
  const type = Object.hasOwn(fixed, about) ? sidType(policy, fixed[about] ?? '') : undefined;
  if (type === undefined || type === target) return {};
  return { note: `Xen asks for permissions of the class ${about} towards ${type} only` };
}

/** The compiled rules for one permission, each written as the compiler was given it, or as equal sets of types. */
function compiledRules(
  policy: Policy,
  { source, target, class: about, permission }: AskedAccess,
): string[] {
  const asked = policy.classes.get(about);
  const bit = asked?.permissions.get(permission);
  const from = policy.types.get(source)?.expansion;
  const to = policy.types.get(target)?.expansion;
  if (asked === undefined || bit === undefined) return [];
  return [...policy.vectors.allow].flatMap(([key, mask]) => {
    const rule = ruleParts(key);
    if (rule.class !== asked.value || ((mask >>> (bit - 1)) & 1) === 0) return [];
    if (!from?.has(rule.source) || !to?.has(rule.target)) return [];
    return [
      `allow ${setName(policy, rule.source)} ${setName(policy, rule.target)}:${about} ${permission};`,
    ];
  });
}

/** A type, or an attribute by its types: compiled rules know attributes by number. */
function setName(policy: Policy, value: number): string {
  const type = policy.typesByValue.get(value);
  if (type !== undefined) return type.name;
  const members = [...policy.types.values()].filter(({ expansion }) => expansion.has(value));
  const attribute = [...policy.attributes].find(
    ([, types]) => types.size === members.length && members.every(({ name }) => types.has(name)),
  );
  return attribute?.[0] ?? `{ ${members.map(({ name }) => name).join(' ')} }`;
}
