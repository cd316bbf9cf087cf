import { DEFAULT_BOOT_PCR, DEFAULT_PCR } from '../pcrs.ts';
import type { Check } from './check.ts';

export const pcrChoice: Check = {
  rule: 'pcr-choice',
  says: 'Measurements go to two different ones of the PCRs 8 to 15.',
  run({ pcr, bootPcr }, report) {
    const registers = { pcr, boot_pcr: bootPcr };
    for (const [key, register] of Object.entries(registers)) {
      if (register === undefined || (register >= 8 && register <= 15)) continue;
      // TCG PC Client Platform Firmware Profile, 3.3.4: usage and reset localities of the PCRs.
      report(
        ['platform', 'measurement', key],
        register < 8
          ? `PCR ${register} belongs to the firmware`
          : `PCR ${register} can be reset after boot, so a value in it proves nothing`,
        `choose 8 to 15; ${key === 'pcr' ? DEFAULT_PCR : DEFAULT_BOOT_PCR} is the default`,
      );
    }
    const measured = pcr ?? DEFAULT_PCR;
    if (measured !== (bootPcr ?? DEFAULT_BOOT_PCR)) return;
    report(
      ['platform', 'measurement', bootPcr === undefined ? 'pcr' : 'boot_pcr'],
      `PCR ${measured} would take what can be predicted and what differs at each boot`,
      `choose two different registers; ${DEFAULT_PCR} and ${DEFAULT_BOOT_PCR} are the defaults`,
    );
  },
};
