import type { Check } from '../checks/check.ts';
import { deviceItems, deviceProperties } from './device-items.ts';

export const deviceOverlap: Check = {
  rule: 'device-overlap',
  says: 'No port, page or interrupt is given twice.',
  run({ domains }, report) {
    for (const property of deviceProperties) {
      const items = domains
        .flatMap((domain) => deviceItems(domain, property).map((item) => ({ domain, ...item })))
        .filter(({ count }) => count > 0)
        .sort((a, b) => a.first - b.first);
      // The item that reaches furthest of all before.
      let furthest: (typeof items)[number] | undefined;
      for (const item of items) {
        if (furthest !== undefined && item.first < furthest.first + furthest.count) {
          // The later one in the file is shown.
          const [earlier, later] = [furthest, item].sort(byPlace);
          if (earlier === undefined || later === undefined) continue;
          const holder =
            earlier.domain === later.domain ? 'it' : `domain "${earlier.domain.name ?? ''}"`;
          report(
            later.path,
            earlier.text === later.text
              ? `${holder} has this already`
              : `${holder} has ${earlier.text} already, which overlaps`,
            'give it to one domain only',
          );
        }
        if (furthest === undefined || item.first + item.count > furthest.first + furthest.count) {
          furthest = item;
        }
      }
    }
  },
};

type Placed = { path: readonly (string | number)[] };

/** By the place in the document: number of the domain, then of the item. */
function byPlace(a: Placed, b: Placed): number {
  return Number(a.path[1]) - Number(b.path[1]) || Number(a.path[3]) - Number(b.path[3]);
}
