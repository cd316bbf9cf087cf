import { formatMemory } from '../memory.ts';
import type { Fault, Known } from './rule.ts';

/** No Linux kernel runs in less: a smaller value is a mistake in the number or the unit. */
const MINIMUM_KIB = 16 * 1024;
/** Guests with 16 TiB or more are not supported (Xen's SUPPORT.md, Guest Limits). */
const LIMIT_KIB = 16 * 1024 ** 3;

export function memoryFault({ memoryKiB }: Known<'memoryKiB'>): Fault | undefined {
  if (memoryKiB === undefined) return undefined;
  const size = formatMemory(memoryKiB);
  if (memoryKiB < MINIMUM_KIB) {
    const message = `${size} is less than ${formatMemory(MINIMUM_KIB)}, too little for any kernel`;
    return { message, hint: 'give it more, or check the unit' };
  }
  if (memoryKiB >= LIMIT_KIB) return tooMuch(size);
  return undefined;
}

/** What a maximum breaks that is chosen beside the memory. */
export function maximumMemoryFault({
  type,
  memoryKiB,
  maxMemoryKiB,
}: Known<'type' | 'memoryKiB' | 'maxMemoryKiB'>): Fault | undefined {
  if (maxMemoryKiB === undefined) return undefined;
  const size = formatMemory(maxMemoryKiB);
  // Its kernel takes all that its memory map shows for memory that is there.
  if (type !== undefined && type !== 'pv') {
    const message = `a domain of type ${type} cannot grow beyond its memory`;
    return { message, hint: 'remove maxmem, or make it pv' };
  }
  if (memoryKiB !== undefined && maxMemoryKiB < memoryKiB) {
    const message = `${size} is less than the ${formatMemory(memoryKiB)} that the domain starts with`;
    return { message, hint: 'give it memory or more, or leave it out' };
  }
  if (maxMemoryKiB >= LIMIT_KIB) return tooMuch(size);
  return undefined;
}

function tooMuch(size: string): Fault {
  const message = `${size} is more than Xen supports: less than ${formatMemory(LIMIT_KIB)}`;
  return { message, hint: 'give it less, or check the unit' };
}
