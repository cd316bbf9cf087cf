/** One step of a boot, in milliseconds since domB's kernel started. */
export interface TimelineStep {
  readonly phase: string;
  readonly step: string;
  readonly start: number;
  readonly duration: number;
}

/** When a boot did what. */
export interface ShownTimeline {
  readonly steps: readonly TimelineStep[];
  /** When Node started, and when it ran our first line, where that is known. */
  readonly node?: { readonly started: number; readonly running: number };
}

/** More steps than any boot has: 1,000 domains, each with its images. */
const MOST_STEPS = 20_000;
/** A day; what lasts longer is no boot. */
const LONGEST = 86_400_000;

/** What is no timeline. */
export class TimelineError extends Error {
  override name = 'TimelineError';
  readonly hint =
    'give the timeline.json that the demo leaves in out/demo, or the record.json that domB handed over to dom0';
}

/**
 * Reads the timeline in the file that the demo leaves (`timeline.json`), or in the record that domB hands over (`record.json`).
 * Neither is protected: whatever has another form is refused.
 * @throws {TimelineError}
 */
export function readTimeline(text: string): ShownTimeline {
  const document = objectOf(parse(text), 'the file');
  const boot = objectOf(document.bootDomain ?? document, 'bootDomain');
  const list = boot.steps ?? boot.timeline;
  if (!Array.isArray(list)) throw new TimelineError('there are no steps of a boot in it');
  if (list.length > MOST_STEPS) throw new TimelineError(`${list.length} steps are no boot`);
  const steps = list.map(stepOf).sort((a, b) => a.start - b.start);
  if (boot.node === undefined) return { steps };
  const { started, running } = objectOf(boot.node, 'node');
  return { steps, node: { started: time(started, 'node'), running: time(running, 'node') } };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new TimelineError(`it is no JSON: ${(error as Error).message}`);
  }
}

function objectOf(value: unknown, what: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new TimelineError(`${what} is no object`);
}

function stepOf(value: unknown, index: number): TimelineStep {
  const { phase, step, start, duration } = objectOf(value, `step ${index + 1}`);
  if (typeof phase !== 'string' || typeof step !== 'string') {
    throw new TimelineError(`step ${index + 1} has no name`);
  }
  const at = `step ${index + 1}`;
  return { phase, step, start: time(start, at), duration: time(duration, at) };
}

function time(value: unknown, what: string): number {
  if (typeof value === 'number' && value >= 0 && value <= LONGEST) return value;
  throw new TimelineError(`${what} has a time that is none`);
}
