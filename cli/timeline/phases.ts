import type { ShownTimeline, TimelineStep } from './read-timeline.ts';

export interface PhaseSpan {
  readonly name: string;
  readonly steps: readonly TimelineStep[];
  readonly start: number;
  readonly end: number;
}

/** Steps that follow each other in one phase; a recovery may go through a phase of the same name again. */
export function phasesOf(steps: readonly TimelineStep[]): PhaseSpan[] {
  const phases: { name: string; steps: TimelineStep[] }[] = [];
  for (const step of steps) {
    const last = phases.at(-1);
    if (last?.name === step.phase) last.steps.push(step);
    else phases.push({ name: step.phase, steps: [step] });
  }
  return phases.map(({ name, steps: own }) => ({
    ...{ name, steps: own },
    start: Math.min(...own.map(({ start }) => start)),
    end: Math.max(...own.map(({ start, duration }) => start + duration)),
  }));
}

/** From when to when, in milliseconds. */
export function spanOf({ steps, node }: ShownTimeline): { from: number; until: number } {
  let [from, until] = [node?.started ?? steps[0]?.start ?? 0, node?.running ?? 0];
  for (const { start, duration } of steps) {
    from = Math.min(from, start);
    until = Math.max(until, start + duration);
  }
  return { from, until };
}

/** Milliseconds for people. */
export function readableTime(milliseconds: number): string {
  const fine = milliseconds < 1000;
  return fine ? `${milliseconds.toFixed(1)} ms` : `${(milliseconds / 1000).toFixed(2)} s`;
}
