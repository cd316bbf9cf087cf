/** Measuring failed; `message` says what and where, `hint` what to do. */
export class MeasurementError extends Error {
  readonly hint: string;

  constructor(message: string, hint: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'MeasurementError';
    this.hint = hint;
  }
}
