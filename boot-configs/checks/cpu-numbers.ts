import { cpuRanges, HIGHEST_CPU } from '../cpu-list.ts';
import type { Check } from './check.ts';

export const cpuNumbers: Check = {
  rule: 'cpu-numbers',
  says: 'The ranges in cpus ascend, and no number is above 4094.',
  run({ domains }, report) {
    for (const { path, cpus } of domains) {
      if (cpus === undefined) continue;
      for (const { first, last } of cpuRanges(cpus)) {
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
        }
      }
    }
  },
};
