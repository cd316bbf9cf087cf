import type { Check } from './check.ts';

export const recoveryCapabilities: Check = {
  rule: 'recovery-capabilities',
  says: 'The recovery domain has the capabilities control, hardware and xenstore.',
  run({ domains }, report) {
    for (const { path, recovery, capabilities, refused } of domains) {
      if (!recovery || capabilities?.includes('hardware') || refused('capabilities')) continue;
      report(
        [...path, capabilities === undefined ? 'recovery' : 'capabilities'],
        'the recovery domain takes the place of the hardware domain, without its capabilities',
        'write "capabilities: [control, hardware, xenstore]"',
      );
    }
  },
};
