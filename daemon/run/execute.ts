import { nameOf, type Operation, type Phase } from '../plan/operations.ts';
import type { EarlyState } from './state.ts';
import { performStep, type Steps } from './step.ts';
import { type FailedStep, failuresOf, StepFailure } from './step-failure.ts';
import { tenth } from './timeline.ts';

/** Which phases they are. */
export interface PhaseNumbers {
  /** Counted from 1. */
  first: number;
  /** Of how many. */
  of: string;
}

/**
 * Runs phases in order, one operation after the other; the only place that does, times and logs them. Each phase and each step
 * is named before it begins, so that a boot that hangs says where.
 * @param steps says how each is done, with what is there of the state
 * @param numbers of the phases, where they are not all
 * @throws {StepFailure} for the first failure, or for all of a phase that only checks
 */
export async function execute<O extends Operation, S extends EarlyState>(
  phases: readonly Phase<O>[],
  state: S,
  steps: Steps<O, S>,
  { first, of }: PhaseNumbers = { first: 1, of: `${phases.length}` },
): Promise<void> {
  const { timeline, log } = state;
  for (const [index, phase] of phases.entries()) {
    const { name, operations, checks = false } = phase;
    const count = operations.length === 1 ? '1 step' : `${operations.length} steps`;
    log.logger.info(`phase "${name}" (${first + index} of ${of}): ${count}`);
    const start = timeline.now();
    const failed: FailedStep[] = [];
    for (const operation of operations) {
      const attempt = () => performStep(steps, operation, state);
      failed.push(...(await perform(name, operation, attempt, state)));
      if (failed.length > 0 && !checks) break;
    }
    if (failed.length > 0) throw new StepFailure(name, failed);
    log.logger.info(`phase "${name}" done: ${count}, ${tenth(timeline.now() - start)} ms`);
  }
}

/** Performs one operation and says what it did. @returns why it failed, if it did */
async function perform(
  phase: string,
  operation: Operation,
  attempt: () => string | Promise<string>,
  { timeline, log }: EarlyState,
): Promise<FailedStep[]> {
  const step = nameOf(operation);
  const start = timeline.now();
  log.logger.info({ phase, step }, `  ${step} ...`);
  let done: string;
  try {
    done = await attempt();
  } catch (error) {
    log.logger.info(`  ${step}: failed (${tenth(timeline.now() - start)} ms)`);
    return failuresOf(operation, error);
  }
  const entry = { phase, step, start, duration: timeline.now() - start };
  timeline.entries.push(entry);
  log.logger.info({ ...entry }, `  ${step}: ${done} (${tenth(entry.duration)} ms)`);
  return [];
}
