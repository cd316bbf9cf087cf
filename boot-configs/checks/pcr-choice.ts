import type { Check } from './check.ts';

export const pcrChoice: Check = {
  rule: 'pcr-choice',
  says: 'Measurements go to one of the PCRs 8 to 15.',
  run({ pcr }, report) {
    if (pcr === undefined || (pcr >= 8 && pcr <= 15)) return;
    // TCG PC Client Platform Firmware Profile, 3.3.4: usage and reset localities of the PCRs.
    report(
      ['platform', 'measurement', 'pcr'],
      pcr < 8
        ? `PCR ${pcr} belongs to the firmware`
        : `PCR ${pcr} can be reset after boot, so a value in it proves nothing`,
      'choose 8 to 15; 13 is the default',
    );
  },
};
