/** What a boot script may fill, in MiB: enough for decisions; one that fills more is at fault. */
export const MEMORY_MIB = 64;
