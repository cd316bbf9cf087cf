import { errnoName } from './errno.ts';

/** A call into a C library that reported failure. */
export class CallError extends Error {
  override name = 'CallError';
  /** The C function, for example `xc_domain_create`. */
  readonly call: string;
  readonly library: string;
  /** Symbolic errno, for example `EEXIST`; empty when the function told none. */
  readonly errno: string;
  /** The arguments of interest, as text: integers and strings, no memory. */
  readonly args: Readonly<Record<string, string>>;

  constructor(fields: {
    call: string;
    library: string;
    errno: number;
    args: Record<string, string>;
  }) {
    const errno = fields.errno === 0 ? '' : errnoName(fields.errno);
    const args = Object.entries(fields.args).map(([name, value]) => `${name}=${value}`);
    super(`${fields.call}(${args.join(', ')}) failed${errno === '' ? '' : `: ${errno}`}`);
    this.call = fields.call;
    this.library = fields.library;
    this.errno = errno;
    this.args = fields.args;
  }
}

/** A shared library, or a function in it, that this system does not have. */
export class LibraryError extends Error {
  override name = 'LibraryError';
  readonly library: string;
  /** What to do about it. */
  readonly hint: string;

  constructor(fields: { library: string; message: string; hint: string }) {
    super(fields.message);
    this.library = fields.library;
    this.hint = fields.hint;
  }
}
