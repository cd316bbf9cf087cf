/** Names that other toolstacks use for a property of ours. */
export const otherNames: ReadonlyMap<string, string> = new Map(
  Object.entries({
    bootargs: 'cmdline',
    builder: 'type',
    command: 'cmdline',
    depends: 'after',
    event_channels: 'max_event_channels',
    extra: 'cmdline',
    id: 'domid',
    image: 'kernel',
    initrd: 'ramdisk',
    initramfs: 'ramdisk',
    label: 'seclabel',
    maxmemory: 'maxmem',
    mem: 'memory',
  }),
);
