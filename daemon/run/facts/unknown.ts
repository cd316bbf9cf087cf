/** A fact that this machine does not give; the message says why. Not a failure: a script decides what it means. */
export class Unknown extends Error {
  override name = 'Unknown';
}
