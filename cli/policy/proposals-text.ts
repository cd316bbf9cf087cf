import type { Denials } from '../../boot-configs/policy/explain/denials.ts';
import type { Proposal } from '../../boot-configs/policy/explain/proposals.ts';
import { wrap } from '../text.ts';

/** What rules would allow what was refused, for people who decide. */
export function proposalsText(
  { notXens, unclear, more }: Denials,
  proposals: readonly Proposal[],
  modules: boolean,
): string {
  const texts = proposals.map((proposal, at) => proposalText(proposal, at + 1));
  const notes = [
    ...(proposals.length === 0 ? ['There is no refusal in this console.'] : []),
    ...(more ? ['There are more different refusals, which are left out here.'] : []),
    ...(unclear.length > 0 ? [`Refusals that say too little, in lines ${lines(unclear)}.`] : []),
    ...(notXens.length > 0
      ? [
          `Left out: what looks like a refusal and was printed by a domain, in lines ${lines(notXens)}.`,
        ]
      : []),
    ...(proposals.length > 0
      ? [
          'Nothing is changed. Domain 0 can print such lines, too. Most refusals are right: where whoever asks does without, ' +
            'write dontaudit in the place of allow, and the console stays quiet.',
        ]
      : []),
    ...(proposals.length > 0 && !modules
      ? ['The modules of this policy are not known here: no module and no assertion is named.']
      : []),
  ];
  return `${[...texts, ...notes.map((note) => wrap(note, 100))].join('\n')}\n`;
}

function proposalText(proposal: Proposal, number: number): string {
  const { denial, rule, may, allowed, unknown, module, violates } = proposal;
  const { source, target, class: about, permissions, count, line } = denial;
  const often = count === 1 ? `line ${line}` : `${count} times, first in line ${line}`;
  const said =
    unknown.length > 0
      ? [`the policy has no ${unknown.join(', ')}: the console is of another platform`]
      : [
          ...(allowed.length > 0 ? [`this policy allows ${allowed.join(', ')} already`] : []),
          ...(rule === ''
            ? []
            : [rule, `${source} might then, towards ${target}: ${may.join('; ')}`]),
          ...(rule === '' ? [] : [flowText(proposal)]),
          ...(rule === '' || module === undefined ? [] : [`it would go into ${module}`]),
          ...violates.map(
            (each) => `it would not compile: ${each.file}:${each.line}: ${each.text}`,
          ),
        ];
  return [
    `${number}. ${source} was refused ${about} { ${permissions.join(' ')} } over ${target} (${often})`,
    ...said.map((text) => wrap(text, 110, '   ')),
    '',
  ].join('\n');
}

function flowText({ denial: { source, target }, flow }: Proposal): string {
  const ways = [
    ...(flow.there > 0 ? [`from ${source} to ${target} (${flow.there} of 10)`] : []),
    ...(flow.back > 0 ? [`from ${target} to ${source} (${flow.back} of 10)`] : []),
  ];
  return ways.length === 0 ? 'it carries no information' : `information goes ${ways.join(' and ')}`;
}

function lines(numbers: readonly number[]): string {
  const FEW = 10;
  const rest = numbers.length > FEW ? ' and more' : '';
  return `${numbers.slice(0, FEW).join(', ')}${rest}`;
}
