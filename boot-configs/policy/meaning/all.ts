import type { Meaning, Meanings } from './meaning.ts';
import { deviceMeanings } from './of-devices.ts';
import { domainMeanings } from './of-domains.ts';
import { hypervisorMeanings } from './of-hypervisor.ts';
import { sharingMeanings } from './of-sharing.ts';

/** Every permission of every class of Xen's access vectors. A test compares it with what the compiled policy has. */
export const meanings: Meanings = {
  ...hypervisorMeanings,
  ...domainMeanings,
  ...sharingMeanings,
  ...deviceMeanings,
};

/** What a permission means; undefined for one that only a changed Xen has. */
export function meaningOf(className: string, permission: string): Meaning | undefined {
  const known = Object.hasOwn(meanings, className) ? meanings[className] : undefined;
  return known && Object.hasOwn(known, permission) ? known[permission] : undefined;
}
