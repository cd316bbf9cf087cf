import type { DomainInfo, XenstoreRing } from '../bindings/hypervisor.ts';
import type { LibxlDevice } from '../bindings/libxl.ts';
import type { BootDomain } from './record.ts';
import type { StoreDaemon } from './store-daemon.ts';
import type { StoreNode } from './store-node.ts';

/** What introducing domains asks of the domain that serves xenstore. `xen-control-domain.ts` is the real one. */
export interface ControlDomain {
  /** All existing domains. */
  domains(): DomainInfo[];
  /** A node's value; undefined when there is none. */
  read(path: string): string | undefined;
  /** Writes all nodes of a domain or none, parents before what is below them. */
  write(domid: number, nodes: readonly StoreNode[]): void;
  /** Which program serves xenstore here. */
  storeDaemon(): StoreDaemon;
  /** Whether the policy in force lets this domain map the memory of domains with that label, as oxenstored does. */
  mayMap(seclabel: string): boolean;
  /** Whether xenstored serves the domain. */
  isIntroduced(domid: number): boolean;
  /** Whether a domain that xenstored serves has asked it for anything. */
  usesXenstore(domid: number): boolean;
  /**
   * Has xenstored serve a domain, which may have been running, and waiting, for long: what it asked by then is answered. Done
   * again, it tells a domain again that has not asked for anything, and leaves others alone.
   */
  introduce(domain: BootDomain, ring: XenstoreRing): void;
  /** Keeps the configuration that libxl wants of each domain. */
  keepConfiguration(domid: number, json: string): void;
  /** Attaches a device to a domain that xenstored serves. `name` is for what is said where that fails. */
  attach(domid: number, name: string, device: LibxlDevice): Promise<void>;
  close(): void;
}
