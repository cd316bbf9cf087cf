import type { DraftDomain } from '../draft.ts';
import { formatMemory, memoryKiB } from '../memory.ts';
import type { Check } from './check.ts';

/** Checks that the domains fit into a platform with `platformKiB` of memory. */
export function platformMemory(platformKiB: number): Check {
  return {
    rule: 'platform-memory',
    says: 'All domains together fit into the memory of the platform, and so does the recovery domain alone.',
    run({ domains }, report) {
      const total = sum(domains.filter(({ recovery }) => !recovery));
      if (total > platformKiB) {
        report(
          ['domains'],
          `the domains need ${formatMemory(total)}, the platform has ${formatMemory(platformKiB)}`,
          'give some domain less; Xen and the boot domain need memory as well',
        );
      }
      for (const { path, recovery, memory } of domains) {
        if (!recovery || memory === undefined || memoryKiB(memory) <= platformKiB) continue;
        report(
          [...path, 'memory'],
          `the recovery domain needs ${memory}, the platform has ${formatMemory(platformKiB)}`,
          'give it less; Xen and the boot domain need memory as well',
        );
      }
    },
  };
}

function sum(domains: readonly DraftDomain[]): number {
  return domains.reduce(
    (total, { memory }) => total + (memory === undefined ? 0 : memoryKiB(memory)),
    0,
  );
}
