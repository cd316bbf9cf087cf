import type { DomainSettings } from '../boot-configs/manifest.ts';
import { nameOf, type Operation, type Phase } from './operations.ts';
import type { BootState } from './state.ts';
import { performStep } from './steps.ts';
import { tenth } from './timeline.ts';

/** Where a boot stopped: the step that failed, with the reason as `cause`. */
export class StepFailure extends Error {
  override name = 'StepFailure';
  readonly phase: string;
  readonly step: string;
  /** The domain that the step was for, if it was for one. */
  readonly domain: DomainSettings | undefined;

  constructor(phase: string, operation: Operation, cause: unknown) {
    const step = nameOf(operation);
    super(`phase "${phase}", step "${step}" failed`, { cause });
    this.phase = phase;
    this.step = step;
    this.domain = 'domain' in operation ? operation.domain : undefined;
  }
}

/**
 * Runs phases in order, one operation after the other; the only place that does, times and logs them.
 * The first failure ends the run as a {@link StepFailure}.
 */
export async function execute(phases: readonly Phase[], state: BootState): Promise<void> {
  const { timeline, log } = state;
  for (const phase of phases) {
    const phaseStart = timeline.now();
    for (const operation of phase.operations) {
      const start = timeline.now();
      let done: string;
      try {
        done = await performStep(operation, state);
      } catch (error) {
        throw new StepFailure(phase.name, operation, error);
      }
      const entry = {
        phase: phase.name,
        step: nameOf(operation),
        start,
        duration: timeline.now() - start,
      };
      timeline.entries.push(entry);
      log.logger.info({ ...entry }, `  ${entry.step}: ${done} (${tenth(entry.duration)} ms)`);
    }
    const duration = tenth(timeline.now() - phaseStart);
    log.logger.info(`phase "${phase.name}" done: ${phase.operations.length} steps, ${duration} ms`);
  }
}
