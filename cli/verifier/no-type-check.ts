import type { TypeFault } from '../../boot-scripts/type-check.ts';

/** The verifier brings no compiler, and runs none that lies about. */
export function canCheckTypes(): boolean {
  return false;
}

export function typeFaults(): TypeFault[][] {
  throw new Error('there is no compiler here');
}
