import type { Decision, PolicyAnswer } from '../../boot-configs/policy/explain/why.ts';
import { wrap } from '../text.ts';

/** A question as it was asked, with the types that are meant. */
export interface Question {
  source: string;
  target: string;
  action: string;
  types: { source: string; target: string };
}

/** Whether an action is allowed, with what says so, for people. `modules` is true where the policy's modules are known. */
export function answerText(question: Question, answer: PolicyAnswer, modules: boolean): string {
  const { source, target, action, types } = question;
  const who = `${named(source, types.source)} to ${named(target, types.target)}`;
  const verdict = answer.allowed ? 'yes' : 'no';
  const unknown = modules
    ? ''
    : '\nThe modules of this policy are not known here, and a compiled policy carries no lines.\n';
  return `${verdict}: ${action}, ${who}\n${answer.permissions.map(decisionText).join('')}${unknown}`;
}

function named(asked: string, type: string): string {
  return asked === type ? type : `${asked} (${type})`;
}

function decisionText(decision: Decision): string {
  const { class: about, permission, says, allowed, silent, rules, limit, sources, note } = decision;
  const { source, target } = decision;
  const lines = [
    `\n  ${about}:${permission}, ${source} to ${target}: ${allowed ? 'allowed' : 'refused'} (${says})`,
    ...rules.map((rule) => `    ${rule}`),
    ...(rules.length === 0 && limit === undefined ? ['    no rule allows it'] : []),
    ...(limit === undefined ? [] : [`    ${limit}`]),
    ...(silent && !allowed ? ['    and Xen does not log it (dontaudit)'] : []),
    ...(note === undefined ? [] : [`    ${note}`]),
    ...sources.map(({ file, line, text }) => wrap(`${file}:${line}: ${text}`, 110, '    ')),
  ];
  return `${lines.join('\n')}\n`;
}
