import { domainFlows } from '../boot-configs/policy/explain/domain-flows.ts';
import { explanationOf } from '../boot-configs/policy/explain/explanation.ts';
import { pictureOf } from '../boot-configs/policy/explain/picture.ts';
import { type ExitStatus, type Input, type Terminal, UsageError } from './command.ts';
import { chosenPolicy } from './flask-policy.ts';
import { explanationText } from './policy/explanation-text.ts';
import { flowsText } from './policy/flows-text.ts';
import { safeLines } from './policy/lines.ts';
import { labelledDomains } from './policy-manifest.ts';

/** Memory, shared pages and messages; settings and signals are less. */
const USUAL_WEIGHT = 6;

/** `domb policy explain MANIFEST` */
export async function run(input: Input, terminal: Terminal): Promise<ExitStatus> {
  const { flags } = input;
  const weight = chosenWeight(input);
  if (flags.has('mermaid') && (flags.has('json') || flags.has('flows'))) {
    throw new UsageError(
      '--mermaid gives a picture and nothing else',
      'leave --json and --flows out',
    );
  }
  const [file = '-'] = input.arguments;
  const policy = await chosenPolicy(input);
  const domains = await labelledDomains(file, policy, input, terminal);
  const explanation = explanationOf(policy, domains);
  const { parties, things } = explanation;
  const flows = flags.has('flows') ? domainFlows(policy, parties, things, weight) : undefined;
  if (flags.has('json')) {
    terminal.write(`${JSON.stringify({ ...explanation, flows }, null, 2)}\n`);
  } else if (flags.has('mermaid')) {
    terminal.write(safeLines(pictureOf(explanation)));
  } else {
    const text = explanationText(explanation, flags.has('all'));
    const ways = flows === undefined ? '' : `\n${flowsText(flows, parties, weight)}`;
    terminal.write(safeLines(text + ways));
  }
  return 0;
}

function chosenWeight({ flags, values }: Input): number {
  const weight = values.get('weight');
  if (weight === undefined) return USUAL_WEIGHT;
  if (!flags.has('flows')) throw new UsageError('--weight is about flows', 'add --flows');
  if (/^([1-9]|10)$/.test(weight)) return Number(weight);
  throw new UsageError(`"${weight}" is no weight`, 'give a number from 1 to 10');
}
