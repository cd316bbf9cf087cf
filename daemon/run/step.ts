import type { Operation } from '../plan/operations.ts';

/**
 * Carries out one operation and says in a few words what it did.
 * @typeParam S what of the boot's state must be there by then
 */
export type Step<O extends Operation, S> = (state: S, operation: O) => string | Promise<string>;

/** A step for each kind of operation. */
export type Steps<O extends Operation, S> = {
  [K in O['do']]: Step<Extract<O, { do: K }>, S>;
};

export function performStep<O extends Operation, S>(
  steps: Steps<O, S>,
  operation: O,
  state: S,
): string | Promise<string> {
  // The map's type ties each key to its operation; TypeScript cannot follow that through an index.
  const step = steps[operation.do as O['do']] as Step<O, S>;
  return step(state, operation);
}
