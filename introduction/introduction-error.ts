import { HypervisorError } from '../bindings/hypervisor.ts';

/** Why something failed, and what to do. */
export interface IntroductionProblem {
  message: string;
  hint: string;
}

/** A dom0 that can't introduce a domain, or anybody. */
export class IntroductionError extends Error {
  override name = 'IntroductionError';
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

/** What can be said to people about an error; defects are thrown on. */
export function problemOf(error: unknown): IntroductionProblem {
  if (error instanceof IntroductionError || error instanceof HypervisorError) {
    return { message: error.message, hint: error.hint };
  }
  throw error;
}
