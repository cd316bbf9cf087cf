import type { DomainType } from '../settings.ts';

/**
 * Longest command line in bytes. Both Xen's builder and Linux cut a longer one without a word, so that what was measured
 * would not be what boots: MAX_GUEST_CMDLINE in xen/include/public/xen.h for PV, COMMAND_LINE_SIZE in Linux
 * arch/x86/include/asm/setup.h otherwise, each less the terminating zero.
 */
export const MOST_CMDLINE: Readonly<Record<DomainType, number>> = {
  pv: 1023,
  pvh: 2047,
  hvm: 2047,
};
