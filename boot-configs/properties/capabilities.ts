import type { Check } from '../checks/check.ts';
import { atCreation, property } from './property.ts';

const all = ['control', 'hardware', 'xenstore'] as const;

export const capabilitiesTogether: Check = {
  rule: 'capabilities-together',
  says: 'The hardware domain has control and xenstore too, and no other domain has either.',
  run({ domains }, report) {
    for (const { path, capabilities, refused } of domains) {
      if (capabilities === undefined || capabilities.length === 0 || refused('capabilities'))
        continue;
      const missing = all.filter((capability) => !capabilities.includes(capability));
      if (missing.length === 0) continue;
      const hardware = capabilities.includes('hardware');
      report(
        [...path, 'capabilities'],
        hardware
          ? `the hardware domain must also have ${missing.join(' and ')}`
          : `${capabilities.join(' and ')} without hardware is not supported`,
        hardware
          ? 'write "capabilities: [control, hardware, xenstore]"'
          : 'remove the capabilities here; the hardware domain has all three',
      );
    }
  },
};

export const capabilityTwice: Check = {
  rule: 'capability-twice',
  says: 'A capability is listed once.',
  run({ domains }, report) {
    for (const { path, capabilities = [] } of domains) {
      for (const [index, capability] of capabilities.entries()) {
        if (capability === undefined || capabilities.indexOf(capability) === index) continue;
        report(
          [...path, 'capabilities', index],
          `${capability} is listed twice`,
          'remove one of the two',
        );
      }
    }
  },
};

export const hardwareDomain: Check = {
  rule: 'hardware-domain',
  says: 'Exactly one domain beside the recovery domain has the capability hardware.',
  run({ domains, incomplete }, report) {
    const holders = domains.filter(
      (domain) => !domain.recovery && domain.capabilities?.includes('hardware'),
    );
    const unknown =
      incomplete ||
      domains.some((domain) => domain.refused('capabilities') || domain.refused('recovery'));
    if (holders.length === 0 && !unknown) {
      report(
        ['domains'],
        'no domain has the capability hardware',
        'add "capabilities: [control, hardware, xenstore]" to the domain that drives the machine',
      );
    }
    for (const { path } of holders.slice(1)) {
      report(
        [...path, 'capabilities'],
        `the hardware domain is ${holders[0]?.name ?? 'an earlier domain'} already, and there is one only`,
        'remove "hardware" from one of the two',
      );
    }
  },
};

export const capabilitiesProperty = property({
  checks: [hardwareDomain, capabilitiesTogether, capabilityTwice],
  read: ({ capabilities = [] }) => ({ capabilities: [...capabilities].sort() }),
  asks: ({ capabilities }) => ({ hardware: capabilities.includes('hardware') }),
  shown: atCreation(({ capabilities }) =>
    capabilities.length > 0 ? { capabilities: capabilities.join(' ') } : undefined,
  ),
  honouredBy: ['creation', 'steps', 'measurement', 'record'],
  changeable: false,
});
