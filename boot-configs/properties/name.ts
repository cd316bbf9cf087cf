import type { Check } from '../checks/check.ts';
import { reportDuplicates } from '../checks/report-duplicates.ts';
import { property } from './property.ts';

/** What xen-init-dom0 calls domain 0 in xenstore, whatever the manifest calls it. */
const NAME_OF_DOMAIN_0 = 'Domain-0';

export const nameOfDomain0: Check = {
  rule: 'name-of-domain-0',
  says: 'No domain but domain 0 is called Domain-0.',
  run({ domains }, report) {
    for (const { path, name, domid } of domains) {
      if (domid === undefined || domid === 0) continue;
      if (name?.toLowerCase() !== NAME_OF_DOMAIN_0.toLowerCase()) continue;
      report(
        [...path, 'name'],
        `xl calls domain 0 ${NAME_OF_DOMAIN_0}, and finds it by this name`,
        'choose another name',
      );
    }
  },
};

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

export const nameProperty = property({
  checks: [duplicateName, nameOfDomain0],
  read: ({ name }) => ({ name }),
  asks: ({ name }) => ({ name }),
  shown: 'steps',
  honouredBy: ['creation', 'steps', 'measurement', 'record'],
  changeable: false,
});
