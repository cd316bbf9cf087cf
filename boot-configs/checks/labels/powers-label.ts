import type { DraftDomain } from '../../draft.ts';
import { typeNamed } from '../../policy/contexts.ts';
import { isPermissive } from '../../policy/platform-types.ts';
import { type Power, powersOf } from '../../policy/powers.ts';
import type { LabelRule } from './labelled.ts';

/** So many of the powers are named. */
const NAMED = 3;

/** A label's powers are the policy's; that a domain has them has to stand in the manifest. */
export const labelPowers: LabelRule = {
  rule: 'seclabel-powers',
  says: 'A domain without capabilities has no label with powers over the hypervisor, the policy or other domains, and one without devices none with rights to devices.',
  fault({ policy }, { domain, type, hardware }) {
    if (hardware) return undefined;
    const found = typeNamed(policy, type);
    if (found !== undefined && isPermissive(policy, found)) {
      return {
        message: `${type} is permissive: Xen refuses a domain with this label nothing`,
        hint: 'give it one that is not',
      };
    }
    const powers = powersOf(policy, type).filter(
      ({ over }) => over !== 'devices' || !hasDevices(domain),
    );
    if (powers.length === 0) return undefined;
    const over = [...new Set(powers.map((power) => power.over))];
    const onlyDevices = over.length === 1 && over[0] === 'devices';
    return {
      message: `${type} gives power over ${listed(over)}, which the domain does not declare: ${namedPowers(powers)}`,
      hint: onlyDevices
        ? 'name its devices in the manifest, or give it a label without rights to any'
        : 'give it one for guests',
    };
  },
};

/** Whether the manifest gives it parts of the machine. */
function hasDevices({ ioports = [], iomem = [], irqs = [], pci = [] }: DraftDomain): boolean {
  return [ioports, iomem, irqs, pci].some((devices) => devices.length > 0);
}

/** Some of them, as a policy writes them. */
export function namedPowers(powers: readonly Power[]): string {
  const some = powers
    .slice(0, NAMED)
    .map(({ target, class: name, permissions }) => `${target}:${name} ${permissions.join(' ')}`);
  const more = powers.length - some.length;
  return more > 0 ? `${some.join(', ')} and ${more} more` : some.join(', ');
}

function listed(words: readonly string[]): string {
  const last = words.at(-1) ?? '';
  return words.length > 1 ? `${words.slice(0, -1).join(', ')} and ${last}` : last;
}
