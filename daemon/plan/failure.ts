/**
 * A boot that cannot go on. The message says what failed and where; the hint says what to do about it.
 * Libraries below have error classes of their own with the same `hint`; {@link explain} reads them all.
 */
export class BootFailure extends Error {
  override name = 'BootFailure';
  readonly hint: string;

  constructor(message: string, hint: string, options?: ErrorOptions) {
    super(message, options);
    this.hint = hint;
  }
}

export interface Explanation {
  /** What failed, and where, in one line or, for a manifest with several problems, in several. */
  what: string;
  hint: string;
}

/** Turns whatever was thrown into words for the operator. */
export function explain(error: unknown): Explanation {
  if (!(error instanceof Error)) return { what: String(error), hint: unexpected };
  const hint = 'hint' in error && typeof error.hint === 'string' ? error.hint : unexpected;
  return { what: error.message, hint };
}

const unexpected = 'this is a defect in domB; keep the console log and report it';
