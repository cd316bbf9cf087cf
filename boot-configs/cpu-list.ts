/** The highest number that a physical CPU can have: Xen/x86 is built for at most 4095 (NR_CPUS in its Kconfig). */
export const HIGHEST_CPU = 4094;

/** The ranges of a list such as `0-3,5`. The schema has checked the form. */
export function cpuRanges(list: string | number): { first: number; last: number }[] {
  return String(list)
    .split(',')
    .map((part) => {
      const [first = '', last = first] = part.split('-');
      return { first: Number(first), last: Number(last) };
    });
}

/** The CPUs of a list, each once and in ascending order. */
export function cpuNumbers(list: string | number): number[] {
  const numbers = new Set<number>();
  for (const { first, last } of cpuRanges(list)) {
    for (let cpu = first; cpu <= last; cpu++) numbers.add(cpu);
  }
  return [...numbers].sort((a, b) => a - b);
}
