import type { NumberRange } from '../../domains/settings.ts';
import { iomemRange, ioportRange } from '../device-ranges.ts';
import type { DraftDomain } from '../draft.ts';
import type { Path } from '../path.ts';

/** The properties that give a domain parts of the machine. */
export const deviceProperties = ['ioports', 'iomem', 'irqs'] as const;
export type DeviceProperty = (typeof deviceProperties)[number];

/** One item of such a property, and where it stands. */
export interface DeviceItem extends NumberRange {
  path: Path;
  text: string;
}

/** The items of a domain's property that were not refused before. */
export function deviceItems(domain: DraftDomain, property: DeviceProperty): DeviceItem[] {
  const items: readonly (string | number | undefined)[] = domain[property] ?? [];
  return items.flatMap((item, index) => {
    if (item === undefined) return [];
    const path = [...domain.path, property, index];
    return [{ ...rangeOf(item, property), path, text: String(item) }];
  });
}

function rangeOf(item: string | number, property: DeviceProperty): NumberRange {
  if (typeof item === 'number') return { first: item, count: 1 };
  return property === 'ioports' ? ioportRange(item) : iomemRange(item);
}
