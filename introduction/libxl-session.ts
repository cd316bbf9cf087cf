import { CallError } from '../bindings/ffi/errors.ts';
import { MessageCapture } from '../bindings/libxentoollog.ts';
import type { Libxl } from '../bindings/libxl.ts';
import {
  addDevice,
  createFromJson,
  type DomainEnd,
  type LibxlDevice,
  nextEnd,
  openLibxl,
} from '../bindings/libxl.ts';
import { IntroductionError } from './introduction-error.ts';

/** LIBXL_VERSION, libxl.h. */
const LIBXL_VERSION = 0;
const LOST = 'does xenstored run?';
/** Scripts run as libxl's children; what they say is in a file of theirs. */
const ATTACH_HINT =
  "is what the manifest names there in dom0? /var/log/xen/xen-hotplug.log has what scripts said, Xen's console (xl dmesg) what FLASK refused";
/** Under this name libxl keeps a domain's configuration. */
const CONFIGURATION = 'libxl-json';

/** libxl: what it remembers of domains, below /var/lib/xen, and the devices that it attaches. */
export class LibxlSession {
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

  /** Attaches a device, and waits until its back end is there and its script has run. */
  async attach(domid: number, name: string, device: LibxlDevice): Promise<void> {
    await this.#explained(`attach ${name} to domain ${domid}`, ATTACH_HINT, () =>
      addDevice(this.#libxl, this.#context, domid, device),
    );
  }

  /** Has {@link nextEnd} tell of the end of a domain; what is returned undoes that. */
  watchEnd(domid: number): () => void {
    const source = Buffer.alloc(8);
    this.#attempt(`wait for the end of domain ${domid}`, () =>
      this.#libxl.libxl_evenable_domain_death({ context: this.#context, domid, user: 0, source }),
    );
    return () =>
      this.#libxl.libxl_evdisable_domain_death({
        context: this.#context,
        source: source.readBigUInt64LE(),
      });
  }

  /** The next end of one of those domains. */
  async nextEnd(): Promise<DomainEnd> {
    return this.#explained('wait for the ends of domains', LOST, () =>
      nextEnd(this.#libxl, this.#context),
    );
  }

  /** Destroys a domain, with its devices and what xenstore has of it. */
  async destroy(domid: number): Promise<void> {
    await this.#explained(`destroy domain ${domid}`, `try "xl destroy ${domid}"`, () =>
      this.#libxl.libxl_domain_destroy({ context: this.#context, domid, how: null }),
    );
  }

  /**
   * Creates a domain from a configuration in libxl's JSON form, with its devices, and leaves it paused.
   * @returns its domid
   */
  create(name: string, json: string): Promise<number> {
    return this.#explained(`create ${name}`, ATTACH_HINT, () =>
      createFromJson(this.#libxl, this.#context, json),
    );
  }

  async unpause(domid: number): Promise<void> {
    await this.#explained(`start domain ${domid}`, `try "xl unpause ${domid}"`, () =>
      this.#libxl.libxl_domain_unpause({ context: this.#context, domid, how: null }),
    );
  }

  close(): void {
    this.#libxl.libxl_ctx_free({ context: this.#context });
    this.#messages.close();
  }

  async #explained<T>(wanted: string, hint: string, work: () => Promise<T>): Promise<T> {
    this.#messages.take();
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      const said = this.#messages.take().join('; ') || error.message;
      throw new IntroductionError(`cannot ${wanted}: ${said}`, hint);
    }
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
