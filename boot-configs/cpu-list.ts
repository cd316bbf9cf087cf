/** The highest number that a physical CPU can have: Xen/x86 is built for at most 4095 (NR_CPUS in its Kconfig). */
export const HIGHEST_CPU = 4094;

/** What stands between two commas of a list. */
export interface CpuRange {
  first: number;
  last: number;
  /** Written with `^`: these are taken out of what stands before. */
  without: boolean;
}

/** The ranges of a list such as `0-3,5,^1`; none for `all`. The schema has checked the form. */
export function cpuRanges(list: string | number): CpuRange[] {
  if (list === 'all') return [];
  return String(list)
    .split(',')
    .map((part) => {
      const without = part.startsWith('^');
      const [first = '', last = first] = part.slice(without ? 1 : 0).split('-');
      return { first: Number(first), last: Number(last), without };
    });
}

/**
 * The CPUs of a list, each once and in ascending order; undefined for `all`. Read from left to right, as xl does
 * (parse_cpurange in tools/xl/xl_parse.c).
 */
export function cpusOfList(list: string | number): number[] | undefined {
  if (list === 'all') return undefined;
  const numbers = new Set<number>();
  for (const { first, last, without } of cpuRanges(list)) {
    for (let cpu = first; cpu <= last; cpu++) {
      if (without) numbers.delete(cpu);
      else numbers.add(cpu);
    }
  }
  return [...numbers].sort((a, b) => a - b);
}
