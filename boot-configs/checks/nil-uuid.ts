import type { Check } from './check.ts';

export const nilUuid: Check = {
  rule: 'uuid-nil',
  says: 'A uuid is not all zeros.',
  run({ domains }, report) {
    for (const { path, uuid } of domains) {
      if (uuid === undefined || /[1-9a-f]/i.test(uuid)) continue;
      // Toolstacks take the handle of zeros for a domain that has none.
      report(
        [...path, 'uuid'],
        'a uuid of zeros means that there is none',
        'make one with uuidgen, or leave uuid out for a fresh one at each boot',
      );
    }
  },
};
