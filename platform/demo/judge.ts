import { denialJudgement } from '../judge/denials.ts';
import { toolJudgement } from '../judge/dom0-tools.ts';
import { domainJudgements, memoryFreed, recordedUuids } from '../judge/domains.ts';
import { asPredicted, capped, quoted, replayed } from '../judge/evidence.ts';
import type { Judgement } from '../judge/judgement.ts';
import type { ObservedPlatform } from '../judge/observed.ts';
import { guestCreated, guestDestroyed, serviceJudgements } from './own-images.ts';
import { type QuestionName, questions } from './questions.ts';

/** Something that can be judged of a platform that came up. */
interface Subject {
  /** What dom0 must have been asked for it. */
  asks: readonly QuestionName[];
  judge: (observed: ObservedPlatform) => Judgement | Judgement[];
}

/**
 * All that can be judged. Everything is judged by what Xen and stock tools in dom0 said. What holds for any platform is in
 * platform/judge, what the demo's own images add in own-images.ts.
 */
const subjects = {
  domains: { asks: ['xl-list'], judge: domainJudgements },
  uuids: { asks: ['xl-list-verbose'], judge: recordedUuids },
  services: { asks: [], judge: serviceJudgements },
  'memory freed': { asks: ['info-before', 'info-after-domb'], judge: memoryFreed },
  'log replays': { asks: ['pcrs', 'eventlog'], judge: replayed },
  predicted: { asks: ['pcrs'], judge: asPredicted },
  capped: { asks: ['eventlog'], judge: capped },
  quoted: { asks: ['handover'], judge: quoted },
  'xl info': { asks: ['info-after-domb'], judge: toolJudgement },
  'guest created': {
    asks: ['guest-create', 'guest-list', 'guest-console'],
    judge: guestCreated,
  },
  'guest destroyed': {
    asks: ['guest-create', 'guest-destroy', 'list-after'],
    judge: guestDestroyed,
  },
  denials: { asks: [], judge: ({ consoleText }) => denialJudgement(consoleText) },
} as const satisfies Record<string, Subject>;

export type SubjectName = keyof typeof subjects;

/** All of them, in the order in which they are told. */
export const allSubjects = Object.keys(subjects) as SubjectName[];

/** What dom0 has to be asked to judge these subjects, in the order in which it has to be asked. */
export function questionsFor(
  judged: readonly SubjectName[],
  also: readonly QuestionName[] = [],
): QuestionName[] {
  const asked = new Set<QuestionName>([...judged.flatMap((name) => subjects[name].asks), ...also]);
  return (Object.keys(questions) as QuestionName[]).filter((name) => asked.has(name));
}

/**
 * Compares a platform that came up with the manifest it was booted from, in what is to be judged. Throws when dom0 was not
 * asked what that takes: what nobody looked at never holds.
 */
export function judge(
  observed: ObservedPlatform,
  judged: readonly SubjectName[] = allSubjects,
): Judgement[] {
  return judged.flatMap((name) => subjects[name].judge(observed));
}
