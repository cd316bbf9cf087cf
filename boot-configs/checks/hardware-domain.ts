import type { Check } from './check.ts';

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
