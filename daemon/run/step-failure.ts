import type { FailureAction } from '../../boot-configs/manifest.ts';
import { explain } from '../plan/failure.ts';
import { nameOf, type Operation } from '../plan/operations.ts';
import type { BootFailureRecord, StepProblem } from '../plan/record.ts';

/** One reason why a step failed. */
export interface FailedStep {
  operation: Operation;
  cause: unknown;
}

/** Where a boot stopped: the phase, and the steps that failed; several where the phase only checks. */
export class StepFailure extends Error {
  override name = 'StepFailure';
  readonly phase: string;
  readonly failed: readonly FailedStep[];

  constructor(phase: string, failed: readonly FailedStep[]) {
    const [first] = failed;
    const only = first !== undefined && failed.length === 1;
    super(
      only
        ? `phase "${phase}", step "${nameOf(first.operation)}" failed`
        : `phase "${phase}" failed with ${failed.length} problems`,
      { cause: first?.cause },
    );
    this.phase = phase;
    this.failed = failed;
  }
}

/** A step that found several things wrong throws them as one AggregateError. */
export function failuresOf(operation: Operation, error: unknown): FailedStep[] {
  const causes: unknown[] = error instanceof AggregateError ? error.errors : [error];
  return causes.map((cause) => ({ operation, cause }));
}

/**
 * What the domains whose steps failed want after a failure; undefined where one of them says nothing, a step was for none,
 * or they do not agree.
 */
export function wishOf({ failed }: StepFailure): FailureAction | undefined {
  const wishes = new Set(failed.map(({ operation }) => domainOf(operation)?.onFailure));
  const [wish] = wishes;
  return wishes.size === 1 ? wish : undefined;
}

/** A failed boot in words, for the log, for dom0, and for the PCR. */
export function recordOf(error: unknown): BootFailureRecord {
  if (!(error instanceof StepFailure)) {
    const { what, hint } = explain(error);
    return { what: `domB failed outside of any step: ${what}`, hint };
  }
  const { phase, failed, message } = error;
  const problems = failed.map(problemOf);
  const [only] = problems;
  if (only !== undefined && problems.length === 1) {
    return { phase, ...only, what: `${message}: ${only.what}` };
  }
  const all = problems.map(({ step, what }) => `step "${step}": ${what}`);
  return {
    phase,
    what: `${message}: ${all.join('; ')}`,
    hint: [...new Set(problems.map(({ hint }) => hint))].join('; '),
    problems,
  };
}

/** The record as an operator reads it. */
export function failureText({ phase, what, hint, problems }: BootFailureRecord): string {
  if (problems === undefined) return `${what}\nwhat to do: ${hint}`;
  const each = problems.map(
    (problem) => `step "${problem.step}" failed: ${problem.what}\nwhat to do: ${problem.hint}`,
  );
  return [`phase "${phase}" failed with ${problems.length} problems`, ...each].join('\n');
}

function problemOf({ operation, cause }: FailedStep): StepProblem {
  const domain = domainOf(operation);
  return {
    step: nameOf(operation),
    ...(domain ? { domain: domain.name } : {}),
    ...explain(cause),
  };
}

const domainOf = (operation: Operation) => ('domain' in operation ? operation.domain : undefined);
