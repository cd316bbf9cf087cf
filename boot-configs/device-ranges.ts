import type { NumberRange } from '../domains/settings.ts';

/** Ports of the x86 I/O space. */
export const IOPORTS = 0x1_0000;
/** Pages of 4 KiB in the largest physical address space that x86 has, 52 bits. */
export const MACHINE_PAGES = 2 ** 40;

/** The range that `2f8-2ff` or `80` stands for; the schema has checked the form. `count` is below 1 when it is empty. */
export function ioportRange(text: string): NumberRange {
  const [start = '', end = start] = text.split('-');
  const first = Number.parseInt(start, 16);
  return { first, count: Number.parseInt(end, 16) - first + 1 };
}

/** The pages that `a0,20` stands for; the schema has checked the form. */
export function iomemRange(text: string): NumberRange {
  const [first = '', count = ''] = text.split(',');
  return { first: Number.parseInt(first, 16), count: Number.parseInt(count, 16) };
}
