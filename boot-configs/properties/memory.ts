import { formatMemory, memoryKiB } from '../../domains/memory.ts';
import { maximumMemoryFault, memoryFault } from '../../domains/rules/memory.ts';
import type { Check } from '../checks/check.ts';
import { atCreation, property } from './property.ts';

export const memorySize: Check = {
  rule: 'memory-size',
  says: 'A domain has at least 16MiB and less than 16TiB of memory.',
  run({ domains }, report) {
    for (const { path, memory } of domains) {
      const fault = memoryFault({ memoryKiB: kibOf(memory) });
      if (fault) report([...path, 'memory'], fault.message, fault.hint);
    }
  },
};

export const maximumMemory: Check = {
  rule: 'maxmem',
  says: 'maxmem is for pv domains, not less than memory, and less than 16TiB.',
  run({ domains }, report) {
    for (const { path, type, memory, maxmem } of domains) {
      if (maxmem === undefined) continue;
      const sizes = { memoryKiB: kibOf(memory), maxMemoryKiB: kibOf(maxmem) };
      const fault = maximumMemoryFault({ type, ...sizes });
      if (fault) report([...path, 'maxmem'], fault.message, fault.hint);
    }
  },
};

function kibOf(size: string | undefined): number | undefined {
  return size === undefined ? undefined : memoryKiB(size);
}

export const memoryProperty = property({
  checks: [memorySize],
  read: ({ memory }) => ({ memoryKiB: memoryKiB(memory) }),
  asks: ({ memoryKiB }) => ({ memoryKiB }),
  shown: atCreation(({ memoryKiB }) => ({ memory: formatMemory(memoryKiB) })),
  honouredBy: ['creation', 'record'],
  changeable: true,
});

export const maxmemProperty = property({
  checks: [maximumMemory],
  read: ({ memory, maxmem = memory }) => ({ maxMemoryKiB: memoryKiB(maxmem) }),
  asks: ({ maxMemoryKiB }) => ({ maxMemoryKiB }),
  shown: atCreation(({ memoryKiB, maxMemoryKiB }) =>
    maxMemoryKiB > memoryKiB ? { maxmem: formatMemory(maxMemoryKiB) } : undefined,
  ),
  honouredBy: ['creation', 'record'],
  changeable: true,
});
