import { memoryKiB } from '../memory.ts';
import type { Check } from './check.ts';
import { LIMIT_KIB } from './memory-size.ts';

export const maximumMemory: Check = {
  rule: 'maxmem',
  says: 'maxmem is for pv domains, not less than memory, and less than 16TiB.',
  run({ domains }, report) {
    for (const { path, type, memory, maxmem } of domains) {
      if (maxmem === undefined) continue;
      const at = [...path, 'maxmem'];
      const kib = memoryKiB(maxmem);
      // Its kernel takes all that its memory map shows for memory that is there.
      if (type !== undefined && type !== 'pv') {
        const message = `a domain of type ${type} cannot grow beyond its memory`;
        report(at, message, 'remove maxmem, or make it pv');
      } else if (memory !== undefined && kib < memoryKiB(memory)) {
        report(
          at,
          `${maxmem} is less than the ${memory} that the domain starts with`,
          'give it memory or more, or leave it out',
        );
      } else if (kib >= LIMIT_KIB) {
        report(
          at,
          `${maxmem} is more than Xen supports: less than 16TiB`,
          'give it less, or check the unit',
        );
      }
    }
  },
};
