import { closeSync, openSync } from 'node:fs';
import { readMemory } from '../../bindings/ffi/memory.ts';
import { mapDevice, unmapMemory } from '../../bindings/libc.ts';
import type { PhysicalMemory } from './machine.ts';

const PAGE = 4096;

/**
 * The machine's memory as /dev/mem has it. It is mapped: Linux lets read(2) reach no further than its own memory ends
 * (valid_phys_addr_range, drivers/char/mem.c), and a boot domain has less than where tables and configuration space are. Xen makes the
 * mapping of configuration space read-only.
 */
export function openPhysicalMemory(path = '/dev/mem'): PhysicalMemory {
  const file = openSync(path, 'r');
  /** Addresses of pages that are mapped, by their number. */
  const mapped = new Map<number, bigint>();
  const pageAt = (page: number): bigint => {
    const known = mapped.get(page);
    if (known !== undefined) return known;
    const address = mapDevice(file, page * PAGE, PAGE);
    mapped.set(page, address);
    return address;
  };
  return {
    word(address) {
      const page = Math.floor(address / PAGE);
      return readMemory(pageAt(page) + BigInt(address % PAGE), 4).readUInt32LE(0);
    },
    close() {
      for (const address of mapped.values()) unmapMemory(address, PAGE);
      mapped.clear();
      closeSync(file);
    },
  };
}
