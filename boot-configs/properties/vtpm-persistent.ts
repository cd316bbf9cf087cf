import type { Check } from '../checks/check.ts';
import type { DomainSettings } from '../manifest.ts';
import { asksNothing, atCreation, property } from './property.ts';

export const vtpmPersistent: Check = {
  rule: 'vtpm-persistent',
  says: 'A domain whose vTPM outlasts the boot has one, the platform has an approver, and all such domains have one server; that of dom0 does not.',
  run({ domains, vtpmState, incomplete }, report) {
    let first: { name: string; server: string } | undefined;
    for (const {
      path,
      name = '',
      vtpm,
      vtpm_persistent,
      recovery,
      capabilities,
      refused,
    } of domains) {
      if (vtpm_persistent !== true) continue;
      const at = [...path, 'vtpm_persistent'];
      if (vtpm === undefined) {
        if (refused('vtpm')) continue;
        report(at, 'the domain has no vTPM', 'name its server with "vtpm", or remove the key');
      } else if (capabilities?.includes('hardware')) {
        report(
          at,
          'the vTPM of the hardware domain, which stores the states, ends with the boot',
          'remove "vtpm_persistent"',
        );
      } else if (recovery === true) {
        report(at, 'a failed boot opens no state', 'remove "vtpm_persistent"');
      } else if (vtpmState === undefined && !incomplete) {
        report(
          at,
          'nobody could approve the boots that open its state',
          'write "vtpm_state" with an approver under "platform"',
        );
      } else if (first !== undefined && first.server !== vtpm) {
        report(
          at,
          `${first.server} serves the lasting vTPM of ${first.name}, and only one domain gets the key of states`,
          `write "vtpm: ${first.server}"`,
        );
      } else {
        first ??= { name, server: vtpm };
      }
    }
  },
};

/** The domain that serves the TPM gets the key of states from domB; domain 0 is told whom it has to serve. */
export const vtpmPersistentProperty = property({
  checks: [vtpmPersistent],
  read: ({ vtpm_persistent }): Pick<DomainSettings, 'vtpmPersistent'> =>
    vtpm_persistent === true ? { vtpmPersistent: true } : {},
  asks: asksNothing,
  shown: atCreation(({ vtpmPersistent }) =>
    vtpmPersistent === undefined ? undefined : { 'vtpm state': 'outlasts the boot' },
  ),
  honouredBy: ['steps', 'record'],
  changeable: false,
});
