import type { DomainInfo, Ring } from '../../../bindings/hypervisor.ts';
import type { ControlDomain } from '../../../introduction/control-domain.ts';
import type { BootDomain } from '../../../introduction/record.ts';
import type { StoreNode } from '../../../introduction/store-node.ts';

export const uuid = '5d2b1f1e-8f0e-4c9e-9d0a-1c7a5f3e2b11';

/** A guest as it stands in a record. */
export const guest = () => ({
  name: 'guest',
  domid: 1,
  uuid,
  type: 'pv',
  memoryKiB: 131072,
  maxMemoryKiB: 262144,
  vcpus: 2,
  capabilities: [] as string[],
  pci: ['0000:00:05.0'],
  xenstore: { frame: 0x1234, port: 3 },
});

/** A record of dom0 and a guest, as domB writes it. */
export function aRecord(more: Record<string, unknown> = {}) {
  const dom0 = {
    ...guest(),
    name: 'dom0',
    domid: 0,
    uuid: uuid.replace('5', '6'),
    capabilities: ['hardware'],
    xenstore: undefined,
  };
  const { xenstore: _, ...hardware } = dom0;
  return { version: 1, hardwareDomid: 0, domains: [hardware, { ...guest(), ...more }] };
}

export interface FakeControlDomain extends ControlDomain {
  readonly nodes: Map<string, StoreNode>;
  /** What was done, in order. */
  readonly deeds: string[];
}

/** A dom0 in memory whose Xen has the given domains. */
export function fakeControlDomain(existing: readonly Partial<DomainInfo>[]): FakeControlDomain {
  const nodes = new Map<string, StoreNode>();
  const introduced = new Set<number>();
  const deeds: string[] = [];
  return {
    nodes,
    deeds,
    domains: () => existing.map((info) => ({ dying: false, ...info }) as DomainInfo),
    read: (path) => nodes.get(path)?.value,
    write(domid, written) {
      deeds.push(`write ${domid}`);
      for (const node of written) nodes.set(node.path, node);
    },
    storeDaemon: () => 'xenstored',
    mayMap: () => true,
    isIntroduced: (domid) => introduced.has(domid),
    usesXenstore: () => true,
    introduce({ domid }: BootDomain, { frame, port }: Ring) {
      deeds.push(`introduce ${domid} ${frame} ${port}`);
      introduced.add(domid);
    },
    keepConfiguration: (domid) => void deeds.push(`configure ${domid}`),
    async attach(domid, name, { kind }) {
      deeds.push(`attach ${kind} ${name} to ${domid}`);
    },
    close: () => {},
  };
}
