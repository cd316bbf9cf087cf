import type { Check } from '../checks/check.ts';
import type { DomainSettings } from '../manifest.ts';
import { asksNothing, atCreation, property } from './property.ts';

export const failureOfDispensable: Check = {
  rule: 'on-failure-critical',
  says: 'Only a critical domain has on_failure.',
  run({ domains }, report) {
    for (const { path, critical, on_failure } of domains) {
      if (critical !== false || on_failure === undefined) continue;
      report(
        [...path, 'on_failure'],
        'the boot goes on without this domain, which has "critical: false"',
        'remove "on_failure", or "critical: false"',
      );
    }
  },
};

export const onFailureProperty = property({
  checks: [failureOfDispensable],
  read: ({ on_failure: onFailure }): Pick<DomainSettings, 'onFailure'> =>
    onFailure === undefined ? {} : { onFailure },
  asks: asksNothing,
  shown: atCreation(({ onFailure }) =>
    onFailure === undefined ? undefined : { on_failure: onFailure },
  ),
  honouredBy: ['failure'],
  changeable: false,
});
