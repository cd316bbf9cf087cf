import type { MeasuredItem } from '../../events.ts';
import { predict, registerValues } from '../../predict.ts';
import { compareItems } from '../compare.ts';
import { itemOf, type MeasuredLog } from '../read-log.ts';
import { type Judge, right, wrong } from './judge.ts';

/** Each measured item, where it is known what should have been measured. That a boot failed is another judge's. */
export const judgeItems: Judge = (_, { items, predictedBy }, seen) => {
  const { log } = seen;
  if (items === undefined || log === undefined) return [];
  const measured = log.events.map(itemOf).filter(({ event }) => event !== 'error');
  const other = otherVersion(measured, predictedBy);
  if (other !== undefined) return wrong(other);
  const compared = compareItems(items, measured);
  seen.compared = compared;
  const found = compared.flatMap(({ name, problems }) =>
    problems.length > 0 ? wrong(...problems) : right(name),
  );
  const failed = measured.length < log.events.length;
  if (failed || found.some(({ ok }) => !ok) || sameRegisters(items, log)) return found;
  return [...found, ...wrong('the items differ from the expected ones')];
};

/** What another version measures cannot be known here, so that each difference would be one of many that say nothing. */
function otherVersion(measured: readonly MeasuredItem[], own: string | undefined) {
  const daemon = measured.find((item) => item.event === 'daemon');
  if (own === undefined || daemon === undefined || daemon.version === own) return undefined;
  const { version } = daemon;
  return `measured by domb ${version}; this is domb ${own}, which cannot know what ${version} measures: use a reference made by ${version}`;
}

/** The words about items are for people; what decides is the registers' values. */
function sameRegisters(items: readonly MeasuredItem[], log: MeasuredLog): boolean {
  const { target, pcrs, records, capped } = log;
  const wanted = predict(items, target, { capped }).pcrs;
  return [...registerValues(records, pcrs, target.banks)].every(([bank, values]) =>
    sameValues(values, wanted.get(bank)),
  );
}

function sameValues(
  found: ReadonlyMap<number, Buffer>,
  wanted: ReadonlyMap<number, Buffer> = new Map(),
): boolean {
  return (
    found.size === wanted.size && [...found].every(([pcr, value]) => wanted.get(pcr)?.equals(value))
  );
}
