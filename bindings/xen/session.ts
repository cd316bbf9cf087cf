import type { XenLayout } from '../../xen-releases/layout.ts';
import type { XenRelease } from '../../xen-releases/release.ts';
import { releaseFor } from '../../xen-releases/releases.ts';
import { CallError } from '../ffi/errors.ts';
import { HypervisorError } from '../hypervisor.ts';
import { Hypercalls, runningXenVersion } from '../libxencall.ts';
import type { Libxenctrl } from '../libxenctrl.ts';
import { openLibxenctrl } from '../libxenctrl.ts';
import { type Libxenforeignmemory, openLibxenforeignmemory } from '../libxenforeignmemory.ts';
import type { Libxenguest } from '../libxenguest.ts';
import { openLibxenguest } from '../libxenguest.ts';
import { MessageCapture } from '../libxentoollog.ts';
import type { Attempt } from '../refusal.ts';
import { callRefused, quotedLines } from '../refusal.ts';

/** libxenforeignmemory, and an `xenforeignmemory_handle *`. */
interface ForeignMemory {
  memory: Libxenforeignmemory;
  fmem: bigint;
}

/** The open libraries and the `xc_interface` of the running Xen, and the one place where their errors are translated. */
export class XenSession {
  /** Of the running Xen, as `major.minor`. */
  readonly version: string;
  readonly release: XenRelease;
  readonly layout: XenLayout;
  readonly xc: Libxenctrl;
  readonly guest: Libxenguest;
  readonly xch: bigint;
  readonly #messages: MessageCapture;
  #calls: Hypercalls | undefined;
  #foreign: ForeignMemory | undefined;

  private constructor(version: string, messages: MessageCapture) {
    this.version = version;
    this.release = releaseFor(version);
    const { layout, libraries } = this.release;
    this.layout = layout;
    this.#messages = messages;
    this.xc = openLibxenctrl(libraries.control);
    this.guest = openLibxenguest(libraries.guest);
    const { logger } = messages;
    this.xch = this.xc.xc_interface_open({ logger, dombuildLogger: logger, flags: 0 });
  }

  /**
   * Opens the interface of the running Xen; its version picks libraries and layouts.
   * @throws HypervisorError when this is no domain that may make hypercalls, LibraryError or UnknownXenError when this
   *   domb has not got what the running Xen needs
   */
  static open(): XenSession {
    const messages = new MessageCapture();
    try {
      return new XenSession(runningXenVersion(messages.logger), messages);
    } catch (error) {
      const said = messages.take();
      messages.close();
      throw error instanceof CallError ? notOnXen(error, said) : error;
    }
  }

  /** A `xentoollog_logger *` whose lines come into the errors of {@link attempt}. */
  get logger(): bigint {
    return this.#messages.logger;
  }

  /** For hypercalls that libxenctrl has no function for; open until the session is closed. */
  get calls(): Hypercalls {
    this.#calls ??= new Hypercalls(this.logger);
    return this.#calls;
  }

  /** For memory of other domains; open until the session is closed. */
  get foreign(): ForeignMemory {
    if (this.#foreign === undefined) {
      const memory = openLibxenforeignmemory();
      const fmem = memory.xenforeignmemory_open({ logger: this.logger, flags: 0 });
      this.#foreign = { memory, fmem };
    }
    return this.#foreign;
  }

  /** Runs an operation made of library calls; a failing one becomes a HypervisorError that says what libxc said. */
  attempt<T>(attempt: Attempt, operation: () => T): T {
    this.#messages.take();
    try {
      return operation();
    } catch (error) {
      throw this.#translate(attempt, error);
    }
  }

  /** The same for an operation with slow calls. */
  async attemptSlow<T>(attempt: Attempt, operation: () => Promise<T>): Promise<T> {
    this.#messages.take();
    try {
      return await operation();
    } catch (error) {
      throw this.#translate(attempt, error);
    }
  }

  close(): void {
    this.#calls?.close();
    if (this.#foreign !== undefined) {
      const { memory, fmem } = this.#foreign;
      memory.xenforeignmemory_close({ fmem });
    }
    this.xc.xc_interface_close({ xch: this.xch });
    this.#messages.close();
  }

  #translate(attempt: Attempt, error: unknown): unknown {
    if (!(error instanceof CallError)) return error;
    return callRefused(attempt, error.call, error.errno, this.#messages.take());
  }
}

function notOnXen(error: CallError, said: string[]): HypervisorError {
  const { call, errno } = error;
  return new HypervisorError({
    call,
    errno,
    message: `cannot reach a Xen hypervisor: ${call}: ${errno}${quotedLines(said)}`,
    hint: 'run as root in a domain under Xen whose kernel has /dev/xen/privcmd (module xen-privcmd)',
  });
}
