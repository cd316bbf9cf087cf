/** libxentoollog and libxencall: stable interfaces, the same for every Xen, usable before its version is known. */
import type { Declarations, Library } from './ffi/library.ts';
import { openLibrary } from './ffi/library.ts';
import { readMemory } from './ffi/memory.ts';

const STDIO = {
  open_memstream: { args: { text: 'bytes', size: 'bytes' }, result: 'pointer', fails: 'null' },
  fflush: { args: { stream: 'pointer' }, result: 'i32', fails: 'negative' },
  fclose: { args: { stream: 'pointer' }, result: 'i32', fails: 'negative' },
  free: { args: { memory: 'pointer' }, result: 'void', fails: 'never' },
} as const satisfies Declarations;

const LIBXENTOOLLOG = {
  xtl_createlogger_stdiostream: {
    args: { stream: 'pointer', leastLevel: 'i32', flags: 'u32' },
    result: 'pointer',
    fails: 'null',
  },
  xtl_logger_destroy: { args: { logger: 'pointer' }, result: 'void', fails: 'never' },
} as const satisfies Declarations;

/** xentoollog_level, xentoollog.h. */
const XTL_WARN = 7;
/** xentoollog.h. */
const XTL_STDIOSTREAM_HIDE_PROGRESS = 4;

/**
 * A logger for the Xen libraries that keeps what they say in memory. Left alone they write to stderr, which would mix
 * with our own lines on the console and be lost to the error that it explains.
 */
export class MessageCapture {
  /** The `xentoollog_logger *` to open the libraries with. */
  readonly logger: bigint;
  readonly #stdio: Library<typeof STDIO>;
  readonly #toollog: Library<typeof LIBXENTOOLLOG>;
  readonly #stream: bigint;
  // open_memstream(3) keeps the addresses of these two and updates them at each flush.
  readonly #text = Buffer.alloc(8);
  readonly #size = Buffer.alloc(8);
  #taken = 0;

  constructor() {
    this.#stdio = openLibrary('libc.so.6', STDIO);
    this.#toollog = openLibrary('libxentoollog.so.1', LIBXENTOOLLOG);
    this.#stream = this.#stdio.open_memstream({ text: this.#text, size: this.#size });
    this.logger = this.#toollog.xtl_createlogger_stdiostream({
      stream: this.#stream,
      leastLevel: XTL_WARN,
      flags: XTL_STDIOSTREAM_HIDE_PROGRESS,
    });
  }

  /** The lines logged since the last call. */
  take(): string[] {
    this.#stdio.fflush({ stream: this.#stream });
    const size = Number(this.#size.readBigUInt64LE());
    const start = this.#text.readBigUInt64LE() + BigInt(this.#taken);
    const text = readMemory(start, size - this.#taken).toString('utf8');
    this.#taken = size;
    return text.split('\n').filter((line) => line !== '');
  }

  /** To be called after the libraries that hold {@link logger} are closed. */
  close(): void {
    this.#toollog.xtl_logger_destroy({ logger: this.logger });
    this.#stdio.fclose({ stream: this.#stream });
    this.#stdio.free({ memory: this.#text.readBigUInt64LE() });
  }
}
