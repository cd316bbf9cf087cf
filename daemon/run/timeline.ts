import type { TimelineEntry } from '../plan/record.ts';

/** What a boot did when. */
export class Timeline {
  readonly entries: TimelineEntry[] = [];
  /** Milliseconds since the kernel started. */
  readonly now: () => number;
  /** When the Node process started and when it ran its first line of ours. */
  readonly node: { started: number; running: number };

  constructor(now: () => number, sinceProcessStart: number) {
    this.now = now;
    const running = now();
    this.node = { started: running - sinceProcessStart, running };
  }
}

/** Rounds milliseconds for print: a tenth is finer than emulated clocks are. */
export const tenth = (milliseconds: number) => Math.round(milliseconds * 10) / 10;
