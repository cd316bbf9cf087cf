/** How the boot domain gives up parts of the machine, so that the hardware domain, which takes over the rest, lacks them. */

import type { NumberRange } from '../domains/settings.ts';
import { attempts } from './attempts.ts';
import type { HardwareAccess, HypervisorError, RangeChoice } from './hypervisor.ts';
import { excluding } from './ranges.ts';
import { refused } from './refusal.ts';

export type Resource = keyof HardwareAccess;

/** What the boot domain itself may use. */
export interface OwnRights {
  /** Gives up a whole range; false, with nothing changed, where the boot domain does not hold all of it. */
  giveUp(resource: Resource, range: NumberRange): boolean;
  holds(resource: Resource, range: NumberRange): boolean;
}

/** Ports of the x86 I/O space, and ISA interrupts with 0, which is Xen's timer. */
const EVERYTHING: Readonly<Record<'ioports' | 'irqs', NumberRange>> = {
  ioports: { first: 0, count: 0x1_0000 },
  irqs: { first: 1, count: 15 },
};

/** @throws HypervisorError when the boot domain cannot give up what must go, or lacks what must stay */
export function giveUpRights(access: HardwareAccess, rights: OwnRights): void {
  const { ioports, iomem, irqs } = access;
  if (iomem) for (const range of iomem.without) giveUpHeld(rights, 'iomem', range);
  for (const [resource, choice] of [['ioports', ioports] as const, ['irqs', irqs] as const]) {
    if (choice === undefined) continue;
    if ('without' in choice) {
      for (const range of choice.without) giveUpHeld(rights, resource, range);
      continue;
    }
    const others = excluding([EVERYTHING[resource]], choice.only);
    // Interrupts can be given up one by one only.
    for (const range of resource === 'irqs' ? others.flatMap(singles) : others) {
      giveUpAll(rights, resource, range);
    }
    for (const range of choice.only) {
      if (!rights.holds(resource, range)) throw notHeld(rights, resource, range);
    }
  }
}

/** What is left of the boot domain's ranges of one resource when it has given up what must go. */
export function rightsLeft(
  resource: Resource,
  held: readonly NumberRange[],
  choice: RangeChoice | undefined,
): NumberRange[] {
  if (choice === undefined) return excluding(held, []);
  if ('without' in choice) return excluding(held, choice.without);
  if (resource === 'iomem') throw new Error('pages of I/O memory are not chosen one by one');
  return excluding(held, excluding([EVERYTHING[resource]], choice.only));
}

function giveUpHeld(rights: OwnRights, resource: Resource, range: NumberRange): void {
  if (!rights.giveUp(resource, range)) throw notHeld(rights, resource, range);
}

/**
 * Gives up what the boot domain has of a range. Xen does not tell what that is, and holds back some parts for itself: so
 * the range is halved until what is left of it is held as a whole or a single number.
 */
function giveUpAll(rights: OwnRights, resource: Resource, range: NumberRange): void {
  if (rights.giveUp(resource, range) || range.count === 1) return;
  const half = Math.floor(range.count / 2);
  giveUpAll(rights, resource, { first: range.first, count: half });
  giveUpAll(rights, resource, { first: range.first + half, count: range.count - half });
}

function singles({ first, count }: NumberRange): NumberRange[] {
  return Array.from({ length: count }, (_, index) => ({ first: first + index, count: 1 }));
}

const NAMES: Readonly<Record<Resource, string>> = {
  ioports: 'I/O ports',
  iomem: 'pages of I/O memory',
  irqs: 'interrupts',
};

function notHeld(rights: OwnRights, resource: Resource, range: NumberRange): HypervisorError {
  const show = (value: number) => (resource === 'irqs' ? String(value) : value.toString(16));
  const last = range.first + range.count - 1;
  const all = range.count === 1 ? show(range.first) : `${show(range.first)} to ${show(last)}`;
  const lacks =
    range.count === 1 ? '' : `: ${show(firstMissing(rights, resource, range))} is not its own`;
  return refused(
    attempts.restrictHardware,
    'restrictHardware',
    'EPERM',
    `the boot domain does not hold all of the ${NAMES[resource]} ${all}${lacks}`,
    'leave out what another domain was given, and what Xen keeps for itself: timers, interrupt controllers, its console',
  );
}

/** The first number of a range that the boot domain does not hold as a whole. */
function firstMissing(
  rights: OwnRights,
  resource: Resource,
  { first, count }: NumberRange,
): number {
  let [held, tried] = [0, count];
  while (tried - held > 1) {
    const middle = Math.floor((held + tried) / 2);
    if (rights.holds(resource, { first, count: middle })) held = middle;
    else tried = middle;
  }
  return first + held;
}
