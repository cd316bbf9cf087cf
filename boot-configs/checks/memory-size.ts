import { formatMemory, memoryKiB } from '../memory.ts';
import type { Check } from './check.ts';

/** No Linux kernel runs in less: a smaller value is a mistake in the number or the unit. */
const MINIMUM_KIB = 16 * 1024;
/** Guests with 16 TiB or more are not supported (Xen's SUPPORT.md, Guest Limits). */
export const LIMIT_KIB = 16 * 1024 ** 3;

export const memorySize: Check = {
  rule: 'memory-size',
  says: 'A domain has at least 16MiB and less than 16TiB of memory.',
  run({ domains }, report) {
    for (const { path, memory } of domains) {
      if (memory === undefined) continue;
      const kib = memoryKiB(memory);
      if (kib < MINIMUM_KIB) {
        report(
          [...path, 'memory'],
          `${memory} is less than ${formatMemory(MINIMUM_KIB)}, too little for any kernel`,
          'give it more, or check the unit',
        );
      } else if (kib >= LIMIT_KIB) {
        report(
          [...path, 'memory'],
          `${memory} is more than Xen supports: less than ${formatMemory(LIMIT_KIB)}`,
          'give it less, or check the unit',
        );
      }
    }
  },
};
