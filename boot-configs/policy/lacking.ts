import { allowedOf, transitionOf } from './allowed.ts';
import type { Policy } from './model.ts';

/** A permission, written as in a rule of a policy: `domB_t domU_t:domain create`. */
export interface Lack {
  source: string;
  target: string;
  class: string;
  /** All of these, or with `any` one of them. */
  permissions: readonly string[];
  any?: true;
}

/** What of this the policy does not allow. Where one permission of several is enough and there is none, all of them. */
export function lacking(policy: Policy, need: Lack): Lack | undefined {
  const allowed = allowedOf(policy, need.source, need.target, need.class);
  const permissions = need.permissions.filter((each) => !allowed.has(each));
  const enough = need.any ? permissions.length < need.permissions.length : permissions.length === 0;
  return enough ? undefined : { ...need, permissions };
}

/** The first of these that the policy does not allow. */
export function firstLacking(policy: Policy, needs: readonly Lack[]): Lack | undefined {
  for (const need of needs) {
    const lack = lacking(policy, need);
    if (lack !== undefined) return lack;
  }
  return undefined;
}

/** As a rule of a policy would allow it. */
export function lackText({ source, target, class: name, permissions, any }: Lack): string {
  return `${source} ${target}:${name} ${permissions.join(any ? ' or ' : ' ')}`;
}

/**
 * What it takes to make an event channel of `from` to `to` that `to` can answer (flask_evtchn_unbound, and
 * flask_evtchn_interdomain of xen/xsm/flask/hooks.c). `creator` is who makes it.
 */
export function channelNeeds(policy: Policy, creator: string, from: string, to: string): Lack[] {
  const channel = transitionOf(policy, from, to, 'event');
  // Of our series for Xen; one without it asks for nothing more.
  const asked = policy.classes.get('event')?.permissions.has('remote_create') && creator !== from;
  const forAnother = {
    source: creator,
    target: from,
    class: 'event',
    permissions: ['remote_create'],
  };
  return [
    ...(asked ? [forAnother] : []),
    { source: creator, target: channel, class: 'event', permissions: ['create'] },
    { source: channel, target: to, class: 'event', permissions: ['bind'] },
  ];
}
