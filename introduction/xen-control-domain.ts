import type { DomainInfo, XenstoreRing } from '../bindings/hypervisor.ts';
import type { LibxlDevice } from '../bindings/libxl.ts';
import { listDomains } from '../bindings/xen/inventory.ts';
import { allowedBy } from '../bindings/xen/policy-question.ts';
import { XenSession } from '../bindings/xen/session.ts';
import type { ControlDomain } from './control-domain.ts';
import { LibxlSession } from './libxl-session.ts';
import { keepRequest } from './pending-request.ts';
import type { BootDomain } from './record.ts';
import { type StoreRing, withRing } from './ring.ts';
import { XenstoreConnection } from './store.ts';
import { type StoreDaemon, storeDaemonOf, storeDaemonPath } from './store-daemon.ts';
import type { StoreNode } from './store-node.ts';

/** This domain, through libxenstore, libxenctrl, libxengnttab and libxl. */
export class XenControlDomain implements ControlDomain {
  readonly #session: XenSession;
  readonly #store: XenstoreConnection;
  readonly #libxl: LibxlSession;

  constructor() {
    this.#session = XenSession.open();
    this.#store = new XenstoreConnection(this.#session.layout);
    this.#libxl = new LibxlSession(this.#session.release.libraries.light);
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

  storeDaemon(): StoreDaemon {
    return storeDaemonOf(this.#store.read(storeDaemonPath));
  }

  mayMap(seclabel: string): boolean {
    const { mmu } = this.#session.release.flask;
    return this.#session.attempt({ wanted: `ask the policy about ${seclabel}` }, () => {
      const source = this.domains().find(({ domid }) => domid === 0)?.seclabel ?? '';
      const needed = mmu.map_read | mmu.map_write;
      const allowed = allowedBy(this.#session, { source, target: seclabel, class: mmu.class });
      return (allowed & needed) === needed;
    });
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

  introduce({ domid, type }: BootDomain, ring: XenstoreRing): void {
    this.#session.attempt({ wanted: `introduce domain ${domid} to xenstore`, domid }, () =>
      withRing(this.#session, domid, (shared) => {
        if (type !== 'pv' && !ring.told) this.#tell(domid, ring, shared);
        // oxenstored takes the ring as it is, and may have answered by now: the ring is the guest's and its own.
        else if (this.storeDaemon() === 'oxenstored') this.#store.introduce(domid, ring);
        else keepRequest(shared, () => this.#store.introduce(domid, ring));
        // Any request makes xenstored look at all rings.
        this.#store.isIntroduced(domid);
      }),
    );
  }

  /**
   * Introduces a domain whose kernel does not know yet where its ring is. Told again, it may begin to use the ring at any time: so it
   * stands still meanwhile, and then finds the ring as it was. Both daemons empty a ring whose `connection` asks for it, and send the event;
   * oxenstored does so when it looks at the ring next, so nothing may be put back there.
   */
  #tell(domid: number, ring: XenstoreRing, shared: StoreRing): void {
    const { xc, xch, layout } = this.#session;
    const { HVM_PARAM_STORE_PFN: param, XENSTORE_RECONNECT } = layout.constants;
    xc.xc_domain_pause({ xch, domid });
    try {
      const asked = shared.get('req_prod');
      if (asked !== 0n && this.#store.isIntroduced(domid)) return;
      const oxenstored = this.storeDaemon() === 'oxenstored';
      // Its kernel waits for an event and then looks where the ring is; the daemon sends one to who asks for it so.
      if (!oxenstored || asked === 0n) shared.set('connection', XENSTORE_RECONNECT);
      xc.xc_hvm_param_set({ xch, domid, param, value: ring.frame });
      this.#store.introduce(domid, ring);
      if (!oxenstored) shared.set('req_prod', asked);
    } finally {
      xc.xc_domain_unpause({ xch, domid });
    }
  }

  keepConfiguration(domid: number, json: string): void {
    this.#libxl.keepConfiguration(domid, json);
  }

  attach(domid: number, name: string, device: LibxlDevice): Promise<void> {
    return this.#libxl.attach(domid, name, device);
  }

  close(): void {
    this.#libxl.close();
    this.#store.close();
    this.#session.close();
  }
}
