import type { BootScript } from '../../boot-scripts/api.ts';

/** Gives dom0 a chosen set of permissions: the legacy devices that it drives, and no way to the firmware's flash. */
const permissions: BootScript<'before_planning'> = async (boot) => {
  await boot.restrictHardware({
    ioports: {
      only: [
        '60', // keyboard controller
        '64',
        '70-71', // clock
        '2f8-2ff', // second serial line
        '600-607', // ACPI power management, around Xen's timer
        '60c-67f',
        'cf8-cfb', // PCI configuration; Xen keeps the data ports and answers for them
      ],
    },
    // The last 4 MiB below 4 GiB: whoever can write there replaces the firmware.
    iomem: { without: ['ffc00,400'] },
    irqs: { only: [1, 3, 8, 9, 12] },
  });
};

export default permissions;
