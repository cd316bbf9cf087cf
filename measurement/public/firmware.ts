/**
 * `node-tpm2-pts/firmware`: what UEFI firmware measures when it starts an EFI file, computed from that file and from the keys of
 * Secure Boot.
 */
export { authenticodeDigests } from '../firmware/authenticode.ts';
export { allowingEntry } from '../firmware/authority.ts';
export { BOOT_APPLICATION_PCR, type Pcr4Prediction, predictPcr4 } from '../firmware/pcr4.ts';
export { type Pcr7Prediction, predictPcr7, SECURE_BOOT_PCR } from '../firmware/pcr7.ts';
export { PeError } from '../firmware/pe.ts';
export { readSecureBootKeys, type SecureBootKeys } from '../firmware/secure-boot-keys.ts';
export type { SignatureEntry } from '../firmware/signature-lists.ts';
