import type { DomainInfo, Ring } from '../bindings/hypervisor.ts';
import { listDomains } from '../bindings/xen/inventory.ts';
import { XenSession } from '../bindings/xen/session.ts';
import type { ControlDomain } from './control-domain.ts';
import { LibxlStore } from './libxl-store.ts';
import type { StoreNode } from './nodes.ts';
import type { BootDomain } from './record.ts';
import { withRing } from './ring.ts';
import { Store } from './store.ts';

/** This domain, through libxenstore, libxenctrl, libxengnttab and libxl. */
export class XenControlDomain implements ControlDomain {
  readonly #session: XenSession;
  readonly #store: Store;
  readonly #libxl: LibxlStore;

  constructor() {
    this.#session = XenSession.open();
    this.#store = new Store(this.#session.layout);
    this.#libxl = new LibxlStore(this.#session.version);
  }

  domains(): DomainInfo[] {
    return listDomains(this.#session);
  }

  read(path: string): string | undefined {
    return this.#store.read(path);
  }

  write(domid: number, nodes: readonly StoreNode[]): void {
    const wanted = `describe domain ${domid} in xenstore`;
    this.#session.attempt({ wanted, domid }, () => this.#store.write(domid, nodes));
  }

  isIntroduced(domid: number): boolean {
    return this.#store.isIntroduced(domid);
  }

  usesXenstore(domid: number): boolean {
    const wanted = `see whether domain ${domid} uses xenstore`;
    return this.#session.attempt({ wanted, domid }, () =>
      withRing(this.#session, domid, (shared) => shared.get('req_prod') !== 0n),
    );
  }

  /**
   * xenstored takes a domain that is introduced for a new one and empties its ring (domain_conn_reset,
   * tools/xenstore/xenstored_domain.c). What a kernel asked before would be lost, and it would wait for ever. So the domain
   * stands still meanwhile, and then finds the ring as it was.
   */
  introduce({ domid, type }: BootDomain, ring: Ring): void {
    const { xc, xch, layout } = this.#session;
    const { HVM_PARAM_STORE_PFN: param, XENSTORE_RECONNECT } = layout.constants;
    this.#session.attempt({ wanted: `introduce domain ${domid} to xenstore`, domid }, () =>
      withRing(this.#session, domid, (shared) => {
        xc.xc_domain_pause({ xch, domid });
        try {
          const asked = shared.get('req_prod');
          if (asked !== 0n && this.#store.isIntroduced(domid)) return;
          if (type !== 'pv') {
            // Its kernel waits for an event and then looks where the ring is; xenstored sends one to who asks for it so.
            shared.set('connection', XENSTORE_RECONNECT);
            xc.xc_hvm_param_set({ xch, domid, param, value: ring.frame });
          }
          this.#store.introduce(domid, ring);
          shared.set('req_prod', asked);
        } finally {
          xc.xc_domain_unpause({ xch, domid });
        }
        // Any request makes xenstored look at all rings.
        this.#store.isIntroduced(domid);
      }),
    );
  }

  keepConfiguration(domid: number, json: string): void {
    this.#libxl.keepConfiguration(domid, json);
  }

  close(): void {
    this.#libxl.close();
    this.#store.close();
    this.#session.close();
  }
}
