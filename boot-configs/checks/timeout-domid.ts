import type { Check } from './check.ts';

export const timeoutDomid: Check = {
  rule: 'timeout-domid',
  says: 'With a timeout the hardware domain has domid 0.',
  run({ domains, timeout }, report) {
    const hardware = domains.find(
      ({ recovery, capabilities }) => !recovery && capabilities?.includes('hardware'),
    );
    if (timeout === undefined || hardware?.domid === undefined || hardware.domid === 0) return;
    // A stock Xen lets the platform go on when its watchdog ends a boot domain that has made the hardware domain.
    report(
      ['platform', 'timeout'],
      `a Xen that makes domain ${hardware.domid} the hardware domain can't end the platform with the boot domain`,
      'remove "timeout", or boot a Xen with the boot-domain option and give the hardware domain domid 0',
    );
  },
};
