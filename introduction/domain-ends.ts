import type { DomainInfo } from '../bindings/hypervisor.ts';
import type { DomainEnd } from '../bindings/libxl.ts';

/** What waiting for the ends of domains asks of dom0. `xen-ends.ts` is the real one. */
export interface Ends {
  /** All existing domains. */
  domains(): DomainInfo[];
  /** Whether the policy in force lets this domain end domains with that label. */
  mayDestroy(seclabel: string): boolean;
  /** Whether it lets this domain make such. */
  mayCreate(seclabel: string): boolean;
  /** Has {@link next} tell of a domain; what is returned undoes that. */
  watch(domid: number): () => void;
  next(): Promise<DomainEnd>;
  /** Destroys a domain, with its devices. */
  destroy(domid: number): Promise<void>;
  /** Builds a domain from a configuration in libxl's JSON form, with its devices, and leaves it paused. Gives its domid. */
  create(name: string, json: string): Promise<number>;
  unpause(domid: number): Promise<void>;
}
