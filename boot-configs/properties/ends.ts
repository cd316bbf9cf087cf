import type { Check } from '../checks/check.ts';
import { hasXenstore, isHardware } from '../draft.ts';
import type { DomainSettings } from '../manifest.ts';
import { asksNothing, atCreation, property } from './property.ts';

const keys = ['on_poweroff', 'on_reboot', 'on_crash'] as const;

export const endActions: Check = {
  rule: 'end-actions',
  says: 'on_poweroff, on_reboot and on_crash are for domains with xenstore.',
  run({ domains }, report) {
    for (const domain of domains) {
      for (const key of keys) {
        if (domain[key] === undefined) continue;
        const path = [...domain.path, key];
        if (isHardware(domain)) {
          const message = 'the platform ends with the hardware domain';
          report(path, message, `remove "${key}"`);
        } else if (hasXenstore(domain) === false) {
          const message = 'domain 0 learns of the end of a domain through xenstore';
          report(path, message, 'add "xenstore: true", or remove it');
        }
      }
    }
  },
};

const usual = { checks: [endActions], asks: asksNothing, honouredBy: ['record'] } as const;

export const onPoweroffProperty = property({
  ...usual,
  read: ({ on_poweroff: onPoweroff }): Pick<DomainSettings, 'onPoweroff'> =>
    onPoweroff === undefined ? {} : { onPoweroff },
  shown: atCreation(({ onPoweroff }) =>
    onPoweroff === undefined ? undefined : { on_poweroff: onPoweroff },
  ),
  changeable: false,
});

export const onRebootProperty = property({
  ...usual,
  read: ({ on_reboot: onReboot }): Pick<DomainSettings, 'onReboot'> =>
    onReboot === undefined ? {} : { onReboot },
  shown: atCreation(({ onReboot }) =>
    onReboot === undefined ? undefined : { on_reboot: onReboot },
  ),
  changeable: false,
});

export const onCrashProperty = property({
  ...usual,
  read: ({ on_crash: onCrash }): Pick<DomainSettings, 'onCrash'> =>
    onCrash === undefined ? {} : { onCrash },
  shown: atCreation(({ onCrash }) => (onCrash === undefined ? undefined : { on_crash: onCrash })),
  changeable: false,
});
