import { MessageCapture } from '../bindings/libxentoollog.ts';
import type { Libxl } from '../bindings/libxl.ts';
import { openLibxl } from '../bindings/libxl.ts';
import { IntroductionError } from './introduction-error.ts';

/** LIBXL_VERSION, libxl.h. */
const LIBXL_VERSION = 0;
/** Under this name libxl keeps a domain's configuration. */
const CONFIGURATION = 'libxl-json';

/** What libxl remembers of domains, below /var/lib/xen. */
export class LibxlStore {
  readonly #libxl: Libxl;
  readonly #messages = new MessageCapture();
  readonly #context: bigint;

  /** @param soname of libxl in the running release */
  constructor(soname: string) {
    this.#libxl = openLibxl(soname);
    const context = Buffer.alloc(8);
    this.#attempt('open libxl', () =>
      this.#libxl.libxl_ctx_alloc({
        context,
        version: LIBXL_VERSION,
        flags: 0,
        logger: this.#messages.logger,
      }),
    );
    this.#context = context.readBigUInt64LE();
  }

  keepConfiguration(domid: number, json: string): void {
    // libxl keeps the text with its end.
    const data = Buffer.from(`${json}\0`);
    this.#attempt(`keep the configuration of domain ${domid}`, () =>
      this.#libxl.libxl_userdata_store({
        context: this.#context,
        domid,
        userid: CONFIGURATION,
        data,
        length: data.length,
      }),
    );
  }

  close(): void {
    this.#libxl.libxl_ctx_free({ context: this.#context });
    this.#messages.close();
  }

  #attempt(wanted: string, call: () => void): void {
    this.#messages.take();
    try {
      call();
    } catch (error) {
      const said = this.#messages.take().join('; ') || (error as Error).message;
      throw new IntroductionError(`cannot ${wanted}: ${said}`, 'is /var/lib/xen there?');
    }
  }
}
