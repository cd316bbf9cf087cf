import type { DomainInfo } from '../bindings/hypervisor.ts';
import type { DomainEnd } from '../bindings/libxl.ts';
import { listDomains } from '../bindings/xen/inventory.ts';
import { allowedBy } from '../bindings/xen/policy-question.ts';
import { XenSession } from '../bindings/xen/session.ts';
import type { Ends } from './domain-ends.ts';
import { LibxlSession } from './libxl-session.ts';

/** The ends of domains as libxl tells of them. */
export class XenEnds implements Ends {
  readonly #session = XenSession.open();
  readonly #libxl: LibxlSession;

  constructor() {
    // libxl gives a domid to nobody else for a minute, lest somebody takes one domain for the other; here both are the same one's.
    process.env.LIBXL_DOMID_REUSE_TIMEOUT = '0';
    this.#libxl = new LibxlSession(this.#session.release.libraries.light);
  }

  domains(): DomainInfo[] {
    return listDomains(this.#session);
  }

  mayDestroy(seclabel: string): boolean {
    return this.#may(seclabel, this.#session.release.flask.domain.destroy);
  }

  mayCreate(seclabel: string): boolean {
    return this.#may(seclabel, this.#session.release.flask.domain.create);
  }

  #may(seclabel: string, permission: number): boolean {
    const { class: number } = this.#session.release.flask.domain;
    return this.#session.attempt({ wanted: `ask the policy about ${seclabel}` }, () => {
      const source = this.domains().find(({ domid }) => domid === 0)?.seclabel ?? '';
      const allowed = allowedBy(this.#session, { source, target: seclabel, class: number });
      return (allowed & permission) !== 0;
    });
  }

  watch(domid: number): () => void {
    return this.#libxl.watchEnd(domid);
  }

  next(): Promise<DomainEnd> {
    return this.#libxl.nextEnd();
  }

  destroy(domid: number): Promise<void> {
    return this.#libxl.destroy(domid);
  }

  create(name: string, json: string): Promise<number> {
    return this.#libxl.create(name, json);
  }

  unpause(domid: number): Promise<void> {
    return this.#libxl.unpause(domid);
  }

  close(): void {
    this.#libxl.close();
    this.#session.close();
  }
}
