import type { Check } from './check.ts';

const limits = {
  /** MAX_GUEST_CMDLINE in xen/include/public/xen.h, less the terminating zero. */
  pv: 1023,
  /** COMMAND_LINE_SIZE in Linux arch/x86/include/asm/setup.h, less the terminating zero. */
  pvh: 2047,
  hvm: 2047,
};

export const cmdlineLength: Check = {
  rule: 'cmdline-length',
  says: 'A cmdline has at most 1023 characters for a pv domain, 2047 for a pvh or hvm domain.',
  run({ domains }, report) {
    for (const { path, type, cmdline = '' } of domains) {
      if (type === undefined || cmdline.length <= limits[type]) continue;
      // Both Xen's builder and Linux cut a longer one without a word.
      report(
        [...path, 'cmdline'],
        `${cmdline.length} characters are more than the ${limits[type]} that a kernel is given under ${type}`,
        'shorten it, or pass settings through the ramdisk',
      );
    }
  },
};
