/** Something of this host stands in the way of installing, updating or leaving it. */
export class HostError extends Error {
  override name = 'HostError';
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}
