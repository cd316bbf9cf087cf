import { cast, type Hostile, type Name, targetsOf } from './cast.ts';
import { channelDoors } from './channel-doors.ts';
import { deviceDoors } from './device-doors.ts';
import { domainDoors } from './domain-doors.ts';
import type { Door, Question } from './door.ts';
import { frameDoors } from './frame-doors.ts';
import { memoryDoors } from './memory-doors.ts';
import { open } from './opens.ts';
import { platformDoors } from './platform-doors.ts';
import type { Result } from './results.ts';

export const doors: readonly Door[] = [
  ...platformDoors,
  ...domainDoors,
  ...memoryDoors,
  ...channelDoors,
  ...deviceDoors,
  ...frameDoors,
];

/** Everything that FLASK could be asked when this domain tries all doors, allowed or not, permission by permission. */
export function questionsOf(who: Hostile): Question[] {
  const caller = cast[who];
  const tried = doors.filter(({ onlyBy }) => onlyBy?.includes(who) ?? true);
  return tried.flatMap(({ of, asks }) => {
    const whom: readonly Name[] = of === 'domain' ? targetsOf(who) : [who];
    return whom.flatMap((name) => asks?.({ caller, target: cast[name] }) ?? []);
  });
}

/** Something that somebody tries, and how it must end. */
export interface Attempt {
  who: Hostile;
  /** The prober's line: NAME DOMID NUMBER. */
  line: string;
  /** For people. */
  title: string;
  result: Result;
  /** What FLASK is asked and refuses, with an AVC line; or why there is none. */
  denial: Question | undefined;
  because: string;
  /** What the policy must not allow, whether Xen gets to asking it or not; undefined where it is asked nothing. */
  question: Question | undefined;
}

/** All that this domain tries, and must be refused. */
export function attemptsOf(who: Hostile): Attempt[] {
  const caller = cast[who];
  const tried = doors.filter(({ onlyBy }) => onlyBy?.includes(who) ?? true);
  return tried.flatMap((door) => {
    const whom: readonly Name[] = door.of === 'domain' ? targetsOf(who) : [who];
    return whom.flatMap((name): Attempt[] => {
      const situation = { caller, target: cast[name] };
      const { domid = door.of === 'domain' ? situation.target.domid : 0 } = door;
      const earlier = door.earlier.find((each) => each.when(situation));
      const asked = door.asks?.(situation);
      const permissions = asked?.permissions.filter(
        (each) => !open.has(`${asked.source} ${asked.target} ${asked.class} ${each}`),
      );
      const question = asked && permissions?.length ? { ...asked, permissions } : undefined;
      if (!earlier && !question) return [];
      const against = door.of === 'domain' ? ` against ${name}` : '';
      return [
        {
          ...{ who, question, line: `${door.attempt} ${domid} ${door.number}` },
          title: `${who}: ${door.attempt} ${door.number}${against}`,
          result: earlier?.result ?? door.result,
          denial: earlier ? undefined : question,
          because: earlier?.because ?? 'FLASK refuses it',
        },
      ];
    });
  });
}
