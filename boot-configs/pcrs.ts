/**
 * Registers that a manifest gets when it names none. Of those that firmware leaves alone and nobody can reset (8 to 15),
 * 13 and 12 are systemd-stub's, for system extensions and its own command lines: a Xen platform starts no such stub.
 * 8, 9 and 14 belong to GRUB and shim, which may have started Xen, 10 to IMA, 11 and 15 to the systemd of a later dom0.
 */
export const DEFAULT_PCR = 13;
export const DEFAULT_BOOT_PCR = 12;
