import { formatMemory, memoryKiB } from '../memory.ts';
import type { Check } from './check.ts';

/** Debian's kernel alone, unpacked, needs about 64 MiB; smaller kernels fit into this. */
const MINIMUM_KIB = 16 * 1024;
/** Xen 4.17 manages 16 TiB of memory unless it is built with CONFIG_BIGMEM (xen/arch/x86/include/asm/config.h). */
const MAXIMUM_KIB = 16 * 1024 ** 3;

export const memorySize: Check = {
  rule: 'memory-size',
  says: 'A domain has 16MiB to 16TiB of memory.',
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
      } else if (kib > MAXIMUM_KIB) {
        report(
          [...path, 'memory'],
          `${memory} is more than the ${formatMemory(MAXIMUM_KIB)} that Xen can manage`,
          'give it less, or check the unit',
        );
      }
    }
  },
};
