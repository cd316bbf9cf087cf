import type { Check } from './check.ts';

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
