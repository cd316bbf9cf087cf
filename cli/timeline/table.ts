import { safe } from '../text.ts';
import { phasesOf, readableTime, spanOf } from './phases.ts';
import type { ShownTimeline } from './read-timeline.ts';

/** A boot as text: for each phase how long it took, then each of its steps, when it began and how long it took. */
export function timelineTable(timeline: ShownTimeline): string {
  const { steps, node } = timeline;
  const { from, until } = spanOf(timeline);
  const phases = phasesOf(steps);
  const rows = phases.flatMap(({ name, start, end, steps: own }) => [
    [readableTime(start), readableTime(end - start), safe(name)],
    ...own.map(({ step, start: at, duration }) => [
      ...[readableTime(at), readableTime(duration), `  ${safe(step)}`],
    ]),
  ]);
  const started =
    node === undefined
      ? []
      : [[readableTime(node.started), readableTime(node.running - node.started), 'Node starts']];
  return [
    ...aligned([['at', 'takes', 'phase, and its steps'], ...started, ...rows]),
    `${readableTime(until - from)}: ${steps.length} steps in ${phases.length} phases`,
    '',
  ].join('\n');
}

/** Both numbers end where their column ends. */
function aligned(rows: readonly string[][]): string[] {
  const width = (column: number) =>
    rows.reduce((most, row) => Math.max(most, row[column]?.length ?? 0), 0);
  const [first, second] = [width(0), width(1)];
  return rows.map(
    ([at = '', takes = '', what = '']) =>
      `${at.padStart(first)}  ${takes.padStart(second)}  ${what}`,
  );
}
