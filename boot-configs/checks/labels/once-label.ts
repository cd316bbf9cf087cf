import { powersOverDomain } from '../../policy/powers.ts';
import type { Report } from '../check.ts';
import { faultOf } from './label-fault.ts';
import type { Labelled, LabelledDomain } from './labelled.ts';
import { namedPowers } from './powers-label.ts';

/** Reports a domain whose label another one has, where each may then do to the other what it may do to itself. */
export function reportTwice(labelled: Labelled, report: Report): void {
  const holders = new Map<string, LabelledDomain>();
  for (const each of labelled.domains) {
    const { domain, type } = each;
    // The recovery domain comes in the place of the hardware domain, with its label.
    if (domain.recovery || faultOf(labelled, each)) continue;
    const first = holders.get(type);
    if (first === undefined) {
      holders.set(type, each);
      continue;
    }
    const powers = powersOverDomain(labelled.policy, type, type);
    if (powers.length === 0) continue;
    report(
      [...domain.path, 'seclabel'],
      `${first.domain.name ?? 'another domain'} is labelled ${type}, too, and two domains with this label have power over each other: ${namedPowers(powers)}`,
      'give one of the two a label of its own, or declare the type with declare_domain, which tells a domain from others of its type',
    );
  }
}
