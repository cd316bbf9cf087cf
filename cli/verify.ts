import { type Evidence, readEvidence } from '../measurement/evidence/evidence.ts';
import type { Expectation } from '../measurement/evidence/expectation.ts';
import type { Outcome, Verdict } from '../measurement/evidence/verdict.ts';
import { verdictOnDamage, verifyEvidence } from '../measurement/evidence/verify.ts';
import { issueResult, resultOrder } from './attestation-result.ts';
import type { ExitStatus, Input, Terminal } from './command.ts';
import { checkUsage, expectationFrom } from './expectation.ts';
import { failing } from './failing.ts';
import { verdictJson } from './verdict-json.ts';
import { verdictText } from './verdict-text.ts';

const statuses: Readonly<Record<Outcome, ExitStatus>> = { proven: 0, refused: 3, unproven: 4 };

/** `domb verify EVIDENCE` */
export async function run(input: Input, terminal: Terminal): Promise<ExitStatus> {
  checkUsage(input);
  const [directory = ''] = input.arguments;
  const order = await failing(() => resultOrder(input));
  const { evidence, expected, verdict } = await failing(() => judged(directory, input, terminal));
  if (order) await issueResult(order, verdict, expected, terminal);
  if (order === undefined || order.file !== undefined) {
    terminal.write(input.flags.has('json') ? verdictJson(verdict, evidence) : verdictText(verdict));
  }
  return statuses[verdict.outcome];
}

/** Files that cannot be read are a failure; files that hold something else than evidence are evidence that is refused. */
async function judged(
  directory: string,
  input: Input,
  terminal: Terminal,
): Promise<{ verdict: Verdict; evidence?: Evidence; expected?: Expectation }> {
  let evidence: Evidence;
  try {
    evidence = await readEvidence(directory);
  } catch (error) {
    if (!(error instanceof Error) || !('hint' in error)) throw error;
    return { verdict: verdictOnDamage(error.message) };
  }
  const expected = await expectationFrom(input, terminal, evidence.pcrs);
  return { evidence, expected, verdict: verifyEvidence(evidence, expected) };
}
