import type { HandoverRecord } from '../../daemon/plan/record.ts';
import type { ConsoleLine } from '../machine/console.ts';

/** domB's own time, in milliseconds, from the start of its init to its halt. */
export interface BootDomainTimes {
  initToHalt: number;
  nodeStart: number;
  measuring: number;
  building: number;
  handOver: number;
  /** Mounting, opening, checking. */
  other: number;
}

const measuring = ['read', 'measure', 'seal'];
const building = ['create', 'build'];
const handOver = ['hand over', 'start'];

/** Phases that the daemon reported on the console, with their durations in milliseconds. */
export function consolePhases(lines: readonly ConsoleLine[]): Map<string, number> {
  const phases = new Map<string, number>();
  for (const { text } of lines) {
    const [, name, duration] =
      /domb: .* phase "([^"]+)" done: \d+ steps?, ([\d.]+) ms/.exec(text) ?? [];
    if (name) phases.set(name, Number(duration));
  }
  return phases;
}

/** Splits domB's time as its users ask about it. */
export function bootDomainTimes(
  lines: readonly ConsoleLine[],
  record: HandoverRecord,
): BootDomainTimes {
  const phases = consolePhases(lines);
  const sum = (names: readonly string[]) =>
    names.reduce((total, name) => total + (phases.get(name) ?? Number.NaN), 0);
  const text = lines.map((line) => line.text).join('\n');
  const initToHalt = Number(/init to halt ([\d.]+) ms/.exec(text)?.[1] ?? Number.NaN);
  const times = {
    nodeStart: record.node.running - record.node.started,
    measuring: sum(measuring),
    building: sum(building),
    handOver: sum(handOver),
  };
  const named = Object.values(times).reduce((total, value) => total + value, 0);
  return { initToHalt, ...times, other: initToHalt - named };
}
