/** A script that could not be run, or not to its end. The message names the place in the script. */
export class ScriptError extends Error {
  override name = 'ScriptError';
  readonly hint: string;

  constructor(message: string, hint: string, options?: ErrorOptions) {
    super(message, options);
    this.hint = hint;
  }
}

/** Something that a script asked for and cannot have; the script may go on. */
export class CallProblem extends Error {
  override name = 'CallProblem';
}
