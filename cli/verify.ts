import { objectName } from 'node-tpm2-pts';
import { type Evidence, readEvidence } from '../measurement/evidence/evidence.ts';
import { scriptActions } from '../measurement/evidence/script-actions.ts';
import { type Verdict, verifyEvidence } from '../measurement/evidence/verify.ts';
import { pcrsJson } from '../measurement/formats/event-listing.ts';
import type { ExitStatus, Input, Terminal } from './command.ts';
import { checkUsage, expectationFrom } from './expectation.ts';
import { failing } from './failing.ts';
import { showingProblems } from './manifest-problems.ts';
import { safe } from './text.ts';

/** `domb verify EVIDENCE` */
export async function run(input: Input, terminal: Terminal): Promise<ExitStatus> {
  checkUsage(input);
  const [directory = ''] = input.arguments;
  return showingProblems(terminal, async () => {
    const evidence = await failing(() => readOrRefuse(directory));
    const verdict =
      'accepted' in evidence
        ? evidence
        : verifyEvidence(
            evidence,
            await failing(() => expectationFrom(input, terminal, evidence.pcrs)),
          );
    const shown = 'accepted' in evidence ? undefined : evidence;
    terminal.write(input.flags.has('json') ? asJson(verdict, shown) : asText(verdict));
    return verdict.accepted ? 0 : 3;
  });
}

/** Files that cannot be read are a failure; files that hold something else than evidence are evidence that is refused. */
async function readOrRefuse(directory: string): Promise<Evidence | Verdict> {
  try {
    return await readEvidence(directory);
  } catch (error) {
    if (!(error instanceof Error) || !('hint' in error)) throw error;
    const notChecked = ['everything else: the evidence is damaged'];
    return { accepted: false, problems: [error.message], notChecked };
  }
}

function asText(verdict: Verdict): string {
  const {
    accepted,
    problems,
    notChecked,
    compared = [],
    attest,
    events,
    pcrs,
    bootEvents,
  } = verdict;
  const itemProblems = new Set(compared.flatMap((item) => item.problems));
  const good: string[] = [];
  if (attest) good.push('quote: signature, nonce and PCR values');
  if (events)
    good.push(`log: ${events.length} events and the quoted PCR ${pcrs?.join(', ')} agree`);
  if (bootEvents) good.push(`boot log: ${bootEvents.length} events and the quoted PCR agree`);
  const items = compared.flatMap(({ name, problems: own }) =>
    own.length === 0 ? line('ok', name) : own.map((problem) => line('WRONG', problem)),
  );
  const wrong = problems.filter((problem) => !itemProblems.has(problem));
  const count = problems.length === 1 ? '1 thing is wrong' : `${problems.length} things are wrong`;
  return [
    ...good.map((what) => line('ok', what)),
    ...items,
    ...wrong.map((problem) => line('WRONG', problem)),
    ...scriptActions(bootEvents ?? []).map((what) => line('changed', what)),
    ...notChecked.map((what) => line('not checked', what)),
    accepted ? 'ACCEPTED: what was checked is as it should be\n' : `REFUSED: ${count}\n`,
  ].join('');
}

function line(state: 'ok' | 'WRONG' | 'changed' | 'not checked', what: string): string {
  return `${state.padEnd(11)}  ${safe(what)}\n`;
}

function asJson(verdict: Verdict, evidence: Evidence | undefined): string {
  const { attest, compared, ...rest } = verdict;
  const quote = attest && {
    clock: String(attest.clock.clock),
    resetCount: attest.clock.resetCount,
    restartCount: attest.clock.restartCount,
    safe: attest.clock.safe,
    firmwareVersion: attest.firmwareVersion.toString(16),
    key: evidence && objectName(evidence.ak).toString('hex'),
    pcrs: evidence && pcrsJson(evidence.pcrs),
  };
  return `${JSON.stringify({ ...rest, items: compared, quote }, null, 2)}\n`;
}
