import type { LabelledResource, Policy } from '../model.ts';
import { sidType } from '../platform-types.ts';

/** Something that is no domain, or several of one type. */
export interface Thing {
  name: string;
  type: string;
  kind: 'hypervisor' | 'policy' | 'hardware';
}

/** Initial SIDs of what a platform is made of, beside domains. */
const parts: Readonly<Record<string, Omit<Thing, 'type'>>> = {
  xen: { name: 'Xen', kind: 'hypervisor' },
  domxen: { name: "Xen's own pages", kind: 'hypervisor' },
  security: { name: 'the policy', kind: 'policy' },
  irq: { name: 'interrupts', kind: 'hardware' },
  ioport: { name: 'I/O ports', kind: 'hardware' },
  iomem: { name: 'device memory', kind: 'hardware' },
  device: { name: 'PCI devices', kind: 'hardware' },
  domio: { name: 'device memory in page tables, devices in quarantine', kind: 'hardware' },
  unlabeled: { name: 'what has no label', kind: 'hardware' },
};

const kinds: Readonly<Record<LabelledResource['kind'], string>> = {
  irq: 'interrupt',
  ioport: 'port',
  iomem: 'frame',
  pci: 'PCI device',
  devicetree: 'device tree node',
};

/** What the policy has labels for beside domains, each type once: the hypervisor, the policy itself, and hardware. */
export function thingsOf(policy: Policy): Thing[] {
  const things = new Map<string, Thing>();
  for (const [sid, part] of Object.entries(parts)) {
    const type = sidType(policy, sid);
    if (type === undefined) continue;
    const known = things.get(type);
    things.set(type, { ...part, type, name: known ? `${known.name}, ${part.name}` : part.name });
  }
  const labelled = Map.groupBy(policy.resources, ({ context }) => context.type);
  for (const [value, resources] of labelled) {
    const type = policy.typesByValue.get(value)?.name;
    if (type === undefined) continue;
    const name = placesOf(resources);
    const known = things.get(type);
    things.set(type, { kind: 'hardware', type, name: known ? `${known.name}, ${name}` : name });
  }
  return [...things.values()];
}

/** How many places of one label are named. */
const NAMED = 3;

function placesOf(resources: readonly LabelledResource[]): string {
  const names = resources.slice(0, NAMED).map(placeOf);
  const more = resources.length - names.length;
  return [...names, ...(more > 0 ? [`${more} more`] : [])].join(', ');
}

function placeOf({ kind, first, last, path }: LabelledResource): string {
  if (path !== undefined) return `${kinds[kind]} ${path}`;
  const hex = (number: number) => (kind === 'irq' ? String(number) : `0x${number.toString(16)}`);
  if (kind === 'pci') return `${kinds.pci} ${pciAddress(first)}`;
  return first === last
    ? `${kinds[kind]} ${hex(first)}`
    : `${kinds[kind]}s ${hex(first)}-${hex(last)}`;
}

/** From segment << 16 | bus << 8 | devfn. */
function pciAddress(sbdf: number): string {
  const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0');
  const slot = hex((sbdf >> 3) & 0x1f, 2);
  return `${hex(sbdf >>> 16, 4)}:${hex((sbdf >> 8) & 0xff, 2)}:${slot}.${sbdf & 7}`;
}
