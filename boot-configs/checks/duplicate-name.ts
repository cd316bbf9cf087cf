import type { Check } from './check.ts';
import { reportDuplicates } from './report-duplicates.ts';

export const duplicateName: Check = {
  rule: 'duplicate-name',
  says: 'No two domains have the same name.',
  run({ domains }, report) {
    reportDuplicates(
      domains,
      'name',
      (domain) => domain.name,
      (domain, path) =>
        report(path, `another domain is called "${domain.name}" already`, 'choose another name'),
    );
  },
};
