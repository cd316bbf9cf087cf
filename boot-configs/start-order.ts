/** What the order of starting needs to know about a domain. */
export interface Ordered {
  name: string;
  after: readonly string[];
}

/**
 * The order in which domains start: each after those it names, and among those that could start next the first in
 * the file. Names that nobody bears are ignored. `cycles` holds one list of names for each cycle found; domains in
 * or behind a cycle are missing from `order`.
 */
export function startOrder<T extends Ordered>(
  domains: readonly T[],
): { order: T[]; cycles: string[][] } {
  const names = new Set(domains.map((domain) => domain.name));
  const waitsFor = domains.map((domain) => new Set(domain.after.filter((name) => names.has(name))));
  const waitedForBy = new Map<string, number[]>();
  for (const [index, waits] of waitsFor.entries()) {
    for (const name of waits) {
      const waiting = waitedForBy.get(name);
      if (waiting === undefined) waitedForBy.set(name, [index]);
      else waiting.push(index);
    }
  }
  // Indexes of the domains that could start, ascending.
  const ready = domains.flatMap((_, index) => (waitsFor[index]?.size === 0 ? [index] : []));
  const order: T[] = [];
  for (let index = ready.shift(); index !== undefined; index = ready.shift()) {
    const domain = domains[index] as T;
    order.push(domain);
    for (const waiting of waitedForBy.get(domain.name) ?? []) {
      const waits = waitsFor[waiting];
      if (waits?.delete(domain.name) && waits.size === 0) insertSorted(ready, waiting);
    }
  }
  const started = new Set(order);
  return { order, cycles: cyclesAmong(domains.filter((domain) => !started.has(domain))) };
}

function insertSorted(list: number[], value: number): void {
  const at = list.findIndex((other) => other > value);
  list.splice(at === -1 ? list.length : at, 0, value);
}

/** Follows `after` from each domain until it meets itself; each domain takes part in at most one cycle reported. */
function cyclesAmong(domains: readonly Ordered[]): string[][] {
  const byName = new Map(domains.map((domain) => [domain.name, domain]));
  const seen = new Set<string>();
  const cycles: string[][] = [];
  for (const domain of domains) {
    const trail: string[] = [];
    let at: Ordered | undefined = domain;
    while (at !== undefined && !seen.has(at.name)) {
      seen.add(at.name);
      trail.push(at.name);
      // Everything left waits for something left, so following that leads into a cycle.
      at = at.after.map((name) => byName.get(name)).find((other) => other !== undefined);
    }
    const start = at === undefined ? -1 : trail.indexOf(at.name);
    if (start !== -1) cycles.push(trail.slice(start));
  }
  return cycles;
}
