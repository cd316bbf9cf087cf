import type { NumberRange } from '../../domains/settings.ts';
import type { Permissions } from '../holdings.ts';
import type { Hypercalls } from '../libxencall.ts';
import { merged } from '../ranges.ts';
import { domctl, OWN_DOMCTLS, whereKnown } from './domctl.ts';
import type { XenSession } from './session.ts';

/** XEN_DOMCTL_PERMISSIONS_*. */
const KINDS = { irqs: 0, iomem: 1, ioports: 2, pci: 3 } as const;
/** struct xen_domctl_get_permissions: kind@0 nr@4 ranges@8. */
const NR_AT = 4;
const RANGES_AT = 8;
/** struct xen_domctl_number_range: first@0 last@8. */
const RANGE_BYTES = 16;
/** Some tens are usual: firmware's tables and the controllers that Xen keeps leave holes. */
const ROOM = 256;

/** @returns undefined when this Xen does not know the question */
export function permissionsOf(
  session: XenSession,
  calls: Hypercalls,
  domid: number,
): Permissions | undefined {
  const ranges = (kind: keyof typeof KINDS) => rangesOf(session, calls, domid, kind);
  return whereKnown(() => ({
    ioports: merged(ranges('ioports')),
    iomem: merged(ranges('iomem')),
    irqs: merged(ranges('irqs')),
    pci: ranges('pci')
      .map(({ first }) => pciAddress(first))
      .sort(),
  }));
}

function rangesOf(
  session: XenSession,
  calls: Hypercalls,
  domid: number,
  kind: keyof typeof KINDS,
): NumberRange[] {
  for (let room = ROOM; ; ) {
    const { there, ranges } = calls.withBuffer(room * RANGE_BYTES, (shared) => {
      const question = Buffer.alloc(RANGES_AT + 8);
      question.writeUInt32LE(KINDS[kind]);
      question.writeUInt32LE(room, NR_AT);
      question.writeBigUInt64LE(shared.address, RANGES_AT);
      const answer = domctl(session, calls, domid, OWN_DOMCTLS.permissions, question);
      const there = answer.readUInt32LE(NR_AT);
      return {
        there,
        ranges: Array.from({ length: Math.min(there, room) }, (_, at) => rangeIn(shared.bytes, at)),
      };
    });
    if (there <= room) return ranges;
    room = there;
  }
}

function rangeIn(bytes: Buffer, at: number): NumberRange {
  const first = Number(bytes.readBigUInt64LE(at * RANGE_BYTES));
  const last = Number(bytes.readBigUInt64LE(at * RANGE_BYTES + 8));
  return { first, count: last - first + 1 };
}

/** Segment, bus, device and function, as in manifests. @param sbdf 16, 8, 5 and 3 bits */
function pciAddress(sbdf: number): string {
  const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0');
  const [segment, bus, slot] = [sbdf >>> 16, (sbdf >> 8) & 0xff, (sbdf >> 3) & 0x1f];
  return `${hex(segment, 4)}:${hex(bus, 2)}:${hex(slot, 2)}.${sbdf & 7}`;
}
