import type { DomainProperties } from '../../domains/settings.ts';
import type { Check } from '../checks/check.ts';
import { type CpuRange, cpuRanges, cpusOfList, HIGHEST_CPU } from '../cpu-list.ts';
import type { DomainSettings } from '../manifest.ts';
import { atCreation, property } from './property.ts';

export const cpuNumbers: Check = {
  rule: 'cpu-numbers',
  says: 'The ranges in cpus ascend, no number is above 4094, ^ takes out what stands before it, and some CPU is left.',
  run({ domains }, report) {
    for (const { path, cpus } of domains) {
      if (cpus === undefined) continue;
      const ranges = cpuRanges(cpus);
      for (const [index, { first, last, without }] of ranges.entries()) {
        if (last < first) {
          report(
            [...path, 'cpus'],
            `the range ${first}-${last} is empty`,
            `write ${last}-${first} if you mean these CPUs`,
          );
        } else if (last > HIGHEST_CPU) {
          report(
            [...path, 'cpus'],
            `no CPU can have the number ${last}`,
            `name CPUs that the machine has, ${HIGHEST_CPU} at most; "xl info" counts them`,
          );
        } else if (without && !holdsAll(ranges.slice(0, index), first, last)) {
          report(
            [...path, 'cpus'],
            `^${first === last ? first : `${first}-${last}`} takes out CPUs that do not stand before it`,
            'write first the range that it is taken from, such as "0-7,^4"',
          );
        }
      }
      if (cpusOfList(cpus)?.length === 0) {
        report([...path, 'cpus'], 'no CPU is left to run on', 'leave it at least one');
      }
    }
  },
};

/** Whether the ranges together name every CPU from `first` to `last`. */
function holdsAll(ranges: readonly CpuRange[], first: number, last: number): boolean {
  for (let cpu = first; cpu <= last; cpu++) {
    if (!ranges.some((range) => !range.without && range.first <= cpu && cpu <= range.last))
      return false;
  }
  return true;
}

export const cpusProperty = property({
  checks: [cpuNumbers],
  read: ({ cpus = 'all' }): Pick<DomainSettings, 'cpus'> => {
    const numbers = cpusOfList(cpus);
    return numbers === undefined ? {} : { cpus: numbers };
  },
  asks: ({ cpus }): Pick<DomainProperties, 'cpus'> => ({ cpus: cpus ?? 'all' }),
  shown: atCreation(({ cpus }) => (cpus ? { cpus: cpus.join(',') } : undefined)),
  honouredBy: ['creation'],
  changeable: false,
});
