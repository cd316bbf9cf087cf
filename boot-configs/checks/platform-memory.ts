import { formatMemory, memoryKiB } from '../memory.ts';
import type { Check } from './check.ts';

/** Checks that the domains fit into a platform with `platformKiB` of memory. */
export function platformMemory(platformKiB: number): Check {
  return {
    rule: 'platform-memory',
    says: 'All domains together fit into the memory of the platform.',
    run({ domains }, report) {
      const total = domains.reduce(
        (sum, { memory }) => sum + (memory === undefined ? 0 : memoryKiB(memory)),
        0,
      );
      if (total <= platformKiB) return;
      report(
        ['domains'],
        `the domains need ${formatMemory(total)}, the platform has ${formatMemory(platformKiB)}`,
        'give some domain less; Xen and the boot domain need memory as well',
      );
    },
  };
}
