import { type Evidence, readEvidence } from '../measurement/evidence/evidence.ts';
import type { Expectation } from '../measurement/evidence/expectation.ts';
import type { Outcome, Verdict } from '../measurement/evidence/verdict.ts';
import { verdictOnDamage, verifyEvidence } from '../measurement/evidence/verify.ts';
import { issueResult, resultOrder } from './attestation-result.ts';
import { type ExitStatus, type Input, type Terminal, UsageError } from './command.ts';
import { checkUsage, expectationFrom } from './expectation.ts';
import { failing } from './failing.ts';
import { checkGuestUsage, type GuestOrder, guestOrder, judgedGuest } from './guest-evidence.ts';
import { verdictJson } from './verdict-json.ts';
import { verdictText } from './verdict-text.ts';

const statuses: Readonly<Record<Outcome, ExitStatus>> = { proven: 0, refused: 3, unproven: 4 };

/** A verdict about no platform at all. */
const NOTHING = { findings: [], gaps: [], notes: [] } as const;

interface Judged {
  verdict: Verdict;
  evidence?: Evidence;
  expected?: Expectation;
}

/** `domb verify EVIDENCE` */
export async function run(input: Input, terminal: Terminal): Promise<ExitStatus> {
  const guest = guestOrder(input);
  const [directory] = input.arguments;
  if (guest === undefined || directory !== undefined) checkUsage(input);
  checkGuestUsage(input, guest);
  const order = await failing(() => resultOrder(input));
  const platform =
    directory === undefined ? undefined : await failing(() => judged(directory, input, terminal));
  if (guest !== undefined) return judgeGuest(guest, input, terminal, platform);
  const { evidence, expected, verdict } = platform ?? {};
  if (verdict === undefined) throw new UsageError('EVIDENCE is missing', 'name its directory');
  if (order) await issueResult(order, verdict, expected, terminal);
  if (order === undefined || order.file !== undefined) {
    terminal.write(input.flags.has('json') ? verdictJson(verdict, evidence) : verdictText(verdict));
  }
  return statuses[verdict.outcome];
}

/** The platform first, where there is evidence of it, then the guest, in one verdict. */
async function judgeGuest(
  order: GuestOrder,
  { flags }: Input,
  terminal: Terminal,
  platform: Judged | undefined,
): Promise<ExitStatus> {
  const guest = await failing(() => judgedGuest(order, platform?.verdict));
  const verdict: Verdict = platform?.verdict ?? { ...NOTHING, outcome: guest.outcome };
  const both = flags.has('json')
    ? verdictJson(verdict, platform?.evidence, guest)
    : verdictText(verdict, guest);
  terminal.write(both);
  return statuses[guest.outcome];
}

/** Files that cannot be read are a failure; files that hold something else than evidence are evidence that is refused. */
async function judged(directory: string, input: Input, terminal: Terminal): Promise<Judged> {
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
