import { nearest } from '../../suggest.ts';
import { transitionOf } from '../allowed.ts';
import { actionWords, plainActions, SHARE_EVENTS } from '../meaning/plain-actions.ts';
import type { Policy } from '../model.ts';
import type { AskedAccess } from '../source/source-rules.ts';
import { UnknownNameError } from './names.ts';

/** What has to be allowed for an action: one of these accesses, or all of them. */
export interface Asked {
  accesses: AskedAccess[];
  all: boolean;
}

/**
 * What `action` takes: a plain word, `class:permission`, or a permission without its class, which may be in several.
 * @throws {@link UnknownNameError}
 */
export function askedFor(policy: Policy, source: string, target: string, action: string): Asked {
  const word = action.trim().replaceAll(/[\s_]+/g, '-');
  if (word === SHARE_EVENTS) {
    const ways = [
      [source, target],
      [target, source],
    ] as const;
    const accesses = ways.flatMap(([from, to]) =>
      ['event:send', 'event:bind'].map((name) => accessOf(policy, from, to, name)),
    );
    return { accesses, all: true };
  }
  const plain = Object.hasOwn(plainActions, word) ? plainActions[word] : undefined;
  const names = plain ?? permissionsNamed(policy, action);
  return { accesses: names.map((name) => accessOf(policy, source, target, name)), all: false };
}

function permissionsNamed({ classes }: Policy, action: string): string[] {
  const [name = '', permission] = action.split(':');
  const all = [...classes].flatMap(([each, { permissions }]) =>
    [...permissions.keys()].map((own) => ({ each, own })),
  );
  const found = all.filter(({ each, own }) =>
    permission === undefined ? own === name : each === name && own === permission,
  );
  if (found.length > 0) return found.map(({ each, own }) => `${each}:${own}`);
  const known = [...actionWords(), ...all.flatMap(({ each, own }) => [own, `${each}:${own}`])];
  const meant = nearest(action, known);
  throw new UnknownNameError(
    `there is no action and no permission "${action}"`,
    meant === undefined
      ? `give class:permission, or one of ${actionWords().join(', ')}`
      : `did you mean "${meant}"?`,
  );
}

/** Permissions of the class event that are about a channel, and not about a domain as a whole. */
const ofChannels: readonly string[] = ['send', 'status', 'create', 'bind'];

/**
 * Whom Xen asks about: an event channel's end has a type of its own, which is the target of what its domain does with it and the
 * source where it is bound to the other domain.
 */
function accessOf(policy: Policy, source: string, target: string, name: string): AskedAccess {
  const [about = '', permission = ''] = name.split(':');
  const access = { source, target, class: about, permission };
  if (about !== 'event' || !ofChannels.includes(permission)) return access;
  if (isEnd(policy, target)) return access;
  const end = transitionOf(policy, source, target, 'event');
  return permission === 'bind' && !isEnd(policy, source)
    ? { ...access, source: end }
    : permission === 'bind'
      ? access
      : { ...access, target: end };
}

function isEnd(policy: Policy, type: string): boolean {
  const event = policy.classes.get('event')?.value;
  const value = policy.types.get(type)?.value;
  return policy.transitions.some((each) => each.class === event && each.type === value);
}
