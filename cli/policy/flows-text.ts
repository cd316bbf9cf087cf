import type { DomainFlow } from '../../boot-configs/policy/explain/domain-flows.ts';
import type { Party } from '../../boot-configs/policy/explain/parties.ts';
import type { Flow, FlowRule } from '../../boot-configs/policy/meaning/flow-graph.ts';
import { entry } from './lines.ts';

/** Over which domains information gets from one to another, for people. */
export function flowsText(
  flows: readonly DomainFlow[],
  parties: readonly Party[],
  weight: number,
): string {
  const name = (type: string) => parties.find((party) => party.type === type)?.name ?? type;
  const present = parties.filter(({ boot }) => !boot);
  const sources = present.map((from) => {
    const lines = present.flatMap((to) => {
      const flow = flows.find((each) => each.from === from.type && each.to === to.type);
      const label = to === from ? 'each other' : to.name;
      if (flow !== undefined) return [entry(label, wayText(flow, name))];
      return to === from && !several(from) ? [] : [entry(label, 'on no way')];
    });
    return `from ${from.name}, to\n${lines.join('')}`;
  });
  return (
    `How information can get from one to another once domB is gone, by what carries at least ${weight} of 10\n` +
    '(10 memory, 8 shared pages, 6 messages, 4 settings, 2 signals, 1 hardly anything)\n' +
    sources.join('')
  );
}

function several({ domains, later }: Party): boolean {
  return domains.length > 1 || later;
}

function wayText(
  { weight, over, only, alone, steps }: DomainFlow,
  name: (type: string) => string,
): string {
  const by = steps.map((step) => carrierOf(step)).join(', then ');
  if (over.length === 0) return `directly, ${weight}: ${by}`;
  if (only.length === over.length)
    return `only over ${over.map(name).join(' and ')}, ${weight}: ${by}`;
  // What is left out is a way of more steps.
  const ways = alone.length > 0 ? alone.map(name).join(', or over ') : over.map(name).join(' and ');
  return `over ${ways}, ${weight}: ${by}`;
}

/** Memory and shared pages before what carries as much. */
const first = ['grant', 'mmu'];

/** The permission of a step that carries most, as the rule names it. */
function carrierOf({ by }: Flow): string {
  const rank = (rule: FlowRule) => rule.weight * 10 + first.indexOf(rule.class);
  const [most] = by.toSorted((one, other) => rank(other) - rank(one));
  if (most === undefined) return '';
  return `${most.source} ${most.target}:${most.class} ${most.permission}`;
}
