import { answerTo } from '../../../boot-configs/policy/explain/why.ts';
import type { Policy } from '../../../boot-configs/policy/model.ts';
import { attemptsOf, questionsOf } from './attempts.ts';
import { hostile } from './cast.ts';
import { type Question, SILENT } from './door.ts';
import { open } from './opens.ts';
import { ruleText } from './record.ts';

/** What `domb policy why` says to a question, permission by permission. */
function answers(policy: Policy, { source, target, class: name, permissions }: Question) {
  const accesses = permissions.map((permission) => ({ source, target, class: name, permission }));
  return answerTo(policy, { accesses, all: true }, []).permissions;
}

/**
 * Where a policy, as `domb policy why` explains it, allows what the attempts are to be refused, or refuses what is open, or is
 * silent where they expect an AVC line.
 */
export function disagreements(policy: Policy): string[] {
  const found = new Set<string>();
  const tried = new Set<string>();
  for (const question of hostile.flatMap(questionsOf)) {
    for (const { permission, allowed } of answers(policy, question)) {
      const rule = ruleText({ ...question, permissions: [permission] });
      tried.add(rule);
      if (allowed && !open.has(rule)) found.add(`allowed: ${rule}`);
      if (!allowed && open.has(rule)) found.add(`refused: ${rule}`);
    }
  }
  for (const rule of open) if (!tried.has(rule)) found.add(`never tried: ${rule}`);
  for (const { question, denial, because, title } of hostile.flatMap(attemptsOf)) {
    if (question === undefined) continue;
    for (const { silent } of answers(policy, question)) {
      if (denial && silent) found.add(`not logged: ${title}`);
      if (because === SILENT && !silent) found.add(`logged: ${title}`);
    }
  }
  return [...found];
}
