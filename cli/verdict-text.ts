import { machineFacts, scriptActions } from '../measurement/evidence/script-actions.ts';
import type { Gap, Outcome, Verdict } from '../measurement/evidence/verdict.ts';
import type { GuestVerdict } from '../measurement/guest-tpm/guest-verdict.ts';
import { safe } from './text.ts';

type State = 'ok' | 'WRONG' | 'seen' | 'changed' | 'missing' | 'gap' | 'waived' | 'note';

/** A verdict for people: one line for each thing that was looked at, of the platform and then of a guest, and the conclusion as the last one. */
export function verdictText(verdict: Verdict, guest?: GuestVerdict): string {
  const { findings, gaps, notes, bootEvents = [], boot } = verdict;
  return [
    ...findings.map(({ ok, says }) => line(ok ? 'ok' : 'WRONG', says)),
    ...machineFacts(bootEvents).map((what) => line('seen', what)),
    ...scriptActions(bootEvents).map((what) => line('changed', what)),
    ...(boot?.missing ?? []).map(({ domain, why }) => line('missing', `${domain}: ${why}`)),
    ...gaps.map(gapLine),
    ...notes.map((what) => line('note', what)),
    ...(guest?.findings ?? []).map(({ ok, says }) => line(ok ? 'ok' : 'WRONG', says)),
    ...(guest?.gaps ?? []).map((gap) => gapLine({ ...gap, waived: false })),
    ...(guest?.notes ?? []).map((what) => line('note', what)),
    `${conclusion({
      outcome: guest?.outcome ?? verdict.outcome,
      findings: [...findings, ...(guest?.findings ?? [])],
      gaps: [...gaps, ...(guest?.gaps ?? []).map((gap) => ({ ...gap, waived: false }))],
    })}\n`,
  ].join('');
}

function gapLine({ gap, says, hint, waived }: OpenGap): string {
  return waived ? line('waived', `${gap}: ${says}`) : line('gap', `${gap}: ${says}; ${hint}`);
}

/** A gap of the platform or of the guest. */
type OpenGap = Omit<Gap, 'gap'> & { readonly gap: string };

interface Concluded {
  readonly outcome: Outcome;
  readonly findings: readonly { readonly ok: boolean }[];
  readonly gaps: readonly Pick<OpenGap, 'gap' | 'waived'>[];
}

function conclusion({ outcome, findings, gaps }: Concluded): string {
  switch (outcome) {
    case 'refused': {
      const { length } = findings.filter(({ ok }) => !ok);
      return `REFUSED: ${length === 1 ? '1 thing is wrong' : `${length} things are wrong`}`;
    }
    case 'unproven': {
      const open = gaps.filter(({ waived }) => !waived).map(({ gap }) => gap);
      return `NOT PROVEN: nothing is wrong, and a lie could still come through: ${open.join(', ')}`;
    }
    case 'proven':
      return gaps.length === 0
        ? 'PROVEN: what was expected is what booted'
        : `PROVEN, with what was waived: ${gaps.map(({ gap }) => gap).join(', ')}`;
  }
}

function line(state: State, what: string): string {
  return `${state.padEnd(11)}  ${safe(what)}\n`;
}
