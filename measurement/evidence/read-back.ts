import type { MeasuredEvent, ReadBackItem } from '../events.ts';
import { bootEnd } from './boot-end.ts';
import type { MeasuredLog } from './read-log.ts';

/** Which domains Xen was asked about once they were built; domB itself is one of them. */
function readBacksIn(bootLog: MeasuredLog): ReadBackItem[] {
  return bootLog.events.flatMap((event) => (event.event === 'read-back' ? [event] : []));
}

/** That each domain of the boot was read back, once, and under the domid and UUID that it was measured with. */
export function readBackProblems(log: MeasuredLog, bootLog: MeasuredLog): string[] {
  const items = readBacksIn(bootLog).filter(({ domain }) => domain !== undefined);
  const { built } = bootEnd(log, bootLog);
  const count = (name: string) => items.filter(({ domain }) => domain === name).length;
  return [
    ...built
      .filter((name) => count(name) !== 1)
      .map((name) => `${name}: what it has was read back ${count(name)} times, not once`),
    ...items
      .filter(({ domain }) => !built.includes(domain ?? ''))
      .map(({ domain }) => `${domain}: it was read back, and no such domain was built`),
    ...items.flatMap((item) => identityProblems(item, bootLog.events)),
  ];
}

function identityProblems(
  { domain, domid, has }: ReadBackItem,
  events: readonly MeasuredEvent[],
): string[] {
  const identity = events.find((event) => event.event === 'identity' && event.domain === domain);
  if (identity?.event !== 'identity') return [];
  const uuid = typeof has === 'object' && has !== null ? Reflect.get(has, 'uuid') : undefined;
  if (identity.domid === domid && identity.uuid === uuid) return [];
  return [`${domain}: what was read back is of domain ${domid}, ${uuid}, which is another one`];
}

/** How many domains were read back, that of domB among them. */
export const countReadBack = (bootLog: MeasuredLog): number => readBacksIn(bootLog).length;

/** What nobody compared with Xen: all of it, or what this Xen could not be asked. */
export function readBackNotes(log: MeasuredLog, bootLog: MeasuredLog): string[] {
  if (bootEnd(log, bootLog).end !== 'complete') return [];
  const items = readBacksIn(bootLog);
  if (items.length === 0) return ['what domains have: it was not read back from Xen'];
  const unread = new Set(items.flatMap((item) => item.unread));
  if (unread.size === 0) return [];
  return [`what domains have: Xen could not be asked for ${[...unread].join(', ')}`];
}
