import type { Check } from '../checks/check.ts';
import { reportDuplicates } from '../checks/report-duplicates.ts';
import type { DomainSettings } from '../manifest.ts';
import { asksNothing, atCreation, property } from './property.ts';

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

/** The boot adds it to what the hypervisor is asked for, as a domain without one gets a fresh one. */
export const uuidProperty = property({
  checks: [duplicateUuid, nilUuid],
  read: ({ uuid }): Pick<DomainSettings, 'uuid'> =>
    uuid === undefined ? {} : { uuid: uuid.toLowerCase() },
  asks: asksNothing,
  shown: atCreation(({ uuid = 'fresh' }) => ({ uuid })),
  honouredBy: ['creation', 'measurement', 'record'],
  changeable: false,
});
