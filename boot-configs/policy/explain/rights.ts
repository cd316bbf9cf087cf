import { allowedOf, transitionOf } from '../allowed.ts';
import { meaningOf } from '../meaning/all.ts';
import type { Summary } from '../meaning/summaries.ts';
import type { Policy } from '../model.ts';

/** A permission that is held, with what it means in words. */
export interface HeldPermission {
  class: string;
  permission: string;
  /** In words that follow "may" and call the target "it". */
  says: string;
}

/**
 * Whether Xen, enforcing this policy, grants a permission of a class to a source over a target; each of these is a type, or a
 * label. What a domain does to itself has the type that it is to itself as target ({@link transitionOf} for class `domain`), what
 * it does with an event channel that of the channel. This is what `domb policy explain` and `domb policy why` go by, and what
 * attempts on real Xen have to agree with.
 * @throws {@link PolicyNameError} for a type, a label or a class that the policy has not; a permission that it has not is refused
 */
export function isAllowed(
  policy: Policy,
  source: string,
  target: string,
  className: string,
  permission: string,
): boolean {
  return allowedOf(policy, source, target, className).has(permission);
}

/** Every permission that a type has over another, in the order of the policy's classes. Event channels are types of their own. */
export function heldPermissions(policy: Policy, source: string, target: string): HeldPermission[] {
  return [...policy.classes.keys()].flatMap((name) =>
    [...allowedOf(policy, source, target, name)].map((permission) => ({
      class: name,
      permission,
      says: wordsFor(name, permission),
    })),
  );
}

/** What a permission means; the permission itself where nobody knows. */
export function wordsFor(className: string, permission: string): string {
  return meaningOf(className, permission)?.[0] ?? `use the permission ${className}:${permission}`;
}

/** Permissions in few words: what belongs together is told at once, the rest one by one, each once. */
export function inFewWords(
  held: readonly HeldPermission[],
  summaries: readonly Summary[],
): string[] {
  const names = new Set(held.map((each) => `${each.class}:${each.permission}`));
  const told = new Set<string>();
  const words: string[] = [];
  for (const { says, needs, covers } of summaries) {
    if (!needs.every((name) => names.has(name)) || needs.every((name) => told.has(name))) continue;
    words.push(says);
    for (const name of [...needs, ...covers]) told.add(name);
  }
  const rest = held.filter((each) => !told.has(`${each.class}:${each.permission}`));
  return [...new Set([...words, ...rest.map(({ says }) => says)])];
}

/**
 * Whether a domain of type `from` can send events to one of type `to`: it makes its end of the channel, and that end may be
 * bound to the other (flask_evtchn_interdomain and flask_evtchn_send of xen/xsm/flask/hooks.c). Both directions are needed for a
 * channel to come about.
 */
export function sendsEvents(policy: Policy, from: string, to: string): boolean {
  const end = transitionOf(policy, from, to, 'event');
  return (
    isAllowed(policy, from, end, 'event', 'send') && isAllowed(policy, end, to, 'event', 'bind')
  );
}
