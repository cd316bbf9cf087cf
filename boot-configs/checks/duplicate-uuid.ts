import type { Check } from './check.ts';
import { reportDuplicates } from './report-duplicates.ts';

export const duplicateUuid: Check = {
  rule: 'duplicate-uuid',
  says: 'No two domains have the same uuid, whatever the case of its digits.',
  run({ domains }, report) {
    reportDuplicates(
      domains,
      'uuid',
      (domain) => domain.uuid?.toLowerCase(),
      (_, path, first) =>
        report(
          path,
          `${first} has this uuid already`,
          'make one with uuidgen, or leave uuid out for a fresh one at each boot',
        ),
    );
  },
};
