import { isKeptFromDom0 } from '../../domains/end-actions.ts';
import type { Check } from '../checks/check.ts';
import { imageComponents } from '../components.ts';
import { type DraftDomain, hasXenstore, isHardware } from '../draft.ts';
import type { DomainSettings } from '../manifest.ts';
import { deviceProperties } from './device-items.ts';
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

export const restart: Check = {
  rule: 'restart',
  says: 'Only an ordinary guest that was measured as a whole is built again: a pv or pvh domain that dom0 may build, without vTPM, channels, cpuid, capabilities or parts of the machine.',
  run({ domains }, report) {
    for (const domain of domains) {
      // Said by end-actions.
      if (isHardware(domain) || hasXenstore(domain) === false) continue;
      const message = unlikeBefore(domain, domains);
      if (message === undefined) continue;
      for (const key of keys) {
        if (domain[key] !== 'restart') continue;
        report([...domain.path, key], message, 'write "destroy" or "preserve"');
      }
    }
  },
};

/** Why dom0 cannot build the domain again as domB built it; undefined where it can. */
function unlikeBefore(domain: DraftDomain, domains: readonly DraftDomain[]): string | undefined {
  const {
    name,
    seclabel,
    type,
    vtpm,
    channels = [],
    cpuid,
    capabilities = [],
    measurement,
  } = domain;
  if (seclabel !== undefined && isKeptFromDom0(seclabel)) {
    return `dom0 may build no ${seclabel}: what such a domain has is kept from dom0`;
  }
  if (capabilities.length > 0) return 'what has capabilities domB alone builds';
  if (vtpm !== undefined) {
    return 'its TPM would tell nothing of what dom0 starts: its registers and certificates are for what domB built';
  }
  if (type === 'hvm') return 'libxl builds no hvm domain without a device model';
  const joined = domains.some(({ channels: others = [] }) =>
    others.some((text) => name !== undefined && text?.includes(`${name}:`)),
  );
  if (channels.length > 0 || joined) return 'Xen keeps joined ports for one instance, which ends';
  if (cpuid !== undefined) return 'dom0 carries no cpuid over to another instance';
  const part = [...deviceProperties, 'pci' as const].find((key) => (domain[key] ?? []).length > 0);
  if (part !== undefined) return `dom0 gives nobody ${part} in domB's place`;
  const left = imageComponents.filter(
    (each) =>
      measurement?.components?.includes(each) === false &&
      (each !== 'ramdisk' || domain.ramdisk !== undefined),
  );
  return left.length === 0
    ? undefined
    : `nobody could tell whether it is built from the same ${left.join(' and ')}, which ${left.length === 1 ? 'is' : 'are'} not measured`;
}

const usual = { checks: [endActions, restart], asks: asksNothing, honouredBy: ['record'] } as const;

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
