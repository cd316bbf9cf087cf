import type { LabelledResource, ResourceKind, SecurityContext } from './model.ts';
import type { PolicyReader } from './policy-reader.ts';
import { readRange } from './symbols.ts';

/** By their numbers, from 1 on (xen/xsm/flask/policy/initial_sids). */
const INITIAL_SIDS = [
  ...['xenboot', 'xen', 'dom0', 'domio', 'domxen', 'unlabeled', 'security'],
  ...['ioport', 'iomem', 'irq', 'device', 'domU', 'domDM'],
];
/** Since this version frames have 64 bits, and nodes of a device tree labels. */
const VERSION_DEVICETREE = 30;

/** Says why a context is none, or nothing. */
export type ContextCheck = (context: SecurityContext) => string | undefined;

/** Reads the labels of initial SIDs and of hardware (OCON_* of policydb_read). */
export function readObjectContexts(
  reader: PolicyReader,
  version: number,
  check: ContextCheck,
): { initialSids: Map<string, SecurityContext>; resources: LabelledResource[] } {
  const initialSids = new Map<string, SecurityContext>();
  for (let left = reader.count(20); left > 0; left--) {
    const number = reader.u32();
    const name = INITIAL_SIDS[number - 1];
    if (name === undefined || initialSids.has(name)) {
      reader.fail(`there can't be an initial SID ${number} here`);
    }
    initialSids.set(name, readContext(reader, check));
  }
  const numbers = () => {
    const number = reader.u32();
    return { first: number, last: number };
  };
  const ports = () => ({ first: reader.u32(), last: reader.u32() });
  const frames = () => ({ first: frame(reader), last: frame(reader) });
  const nodes = () => ({ first: 0, last: 0, path: reader.text(reader.u32()) });
  const read = (kind: ResourceKind, place: () => Omit<LabelledResource, 'kind' | 'context'>) => {
    const found: LabelledResource[] = [];
    for (let left = reader.count(20); left > 0; left--) {
      const where = place();
      if (where.last < where.first) reader.fail(`a range of ${kind} ends before it starts`);
      found.push({ kind, ...where, context: readContext(reader, check) });
    }
    return found;
  };
  const irqs = read('irq', numbers);
  const ioports = inOrder(read('ioport', ports));
  const iomem = inOrder(read('iomem', version < VERSION_DEVICETREE ? ports : frames));
  const pci = read('pci', numbers);
  const trees = version < VERSION_DEVICETREE ? [] : read('devicetree', nodes);
  return { initialSids, resources: [...irqs, ...ioports, ...iomem, ...pci, ...trees] };
}

function frame(reader: PolicyReader): number {
  const frame = reader.u64();
  if (frame > BigInt(Number.MAX_SAFE_INTEGER)) reader.fail(`there is no frame ${frame}`);
  return Number(frame);
}

/** As Xen keeps ranges, so that what is found first counts. */
function inOrder(ranges: LabelledResource[]): LabelledResource[] {
  return ranges.toSorted((one, other) => one.first - other.first);
}

function readContext(reader: PolicyReader, check: ContextCheck): SecurityContext {
  const context = { user: reader.u32(), role: reader.u32(), type: reader.u32() };
  readRange(reader);
  const fault = check(context);
  if (fault !== undefined) reader.fail(fault);
  return context;
}
