import type { Policy, ResourceKind, SecurityContext } from './model.ts';

/** The initial SID of hardware that has no label of its own. */
const UNLABELLED = {
  irq: 'irq',
  ioport: 'ioport',
  iomem: 'iomem',
  pci: 'device',
  devicetree: 'device',
} as const;

/** A part of a range of hardware that has one label. */
export interface LabelledPart {
  first: number;
  /** Inclusive. */
  last: number;
  context: SecurityContext;
}

/**
 * The labels that Xen finds on hardware from `first` to `last`, inclusive, part by part (security_iterate_ioport_sids and
 * its like in xen/xsm/flask/ss/services.c). A part is missing where the policy has no label for what has none of its own.
 */
export function labelsOf(
  policy: Policy,
  kind: Exclude<ResourceKind, 'devicetree'>,
  first: number,
  last: number,
): LabelledPart[] {
  const parts: LabelledPart[] = [];
  const unlabelled = policy.initialSids.get(UNLABELLED[kind]);
  let next = first;
  const gapTo = (end: number) => {
    if (end >= next && unlabelled) parts.push({ first: next, last: end, context: unlabelled });
  };
  for (const own of policy.resources) {
    if (own.kind !== kind || own.last < next || own.first > last || next > last) continue;
    gapTo(own.first - 1);
    const start = Math.max(own.first, next);
    const end = Math.min(own.last, last);
    parts.push({ first: start, last: end, context: own.context });
    next = end + 1;
  }
  gapTo(last);
  return parts;
}
