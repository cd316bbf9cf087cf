/**
 * What the daemon must know before it may look into the manifest. The image builder derives it from the manifest
 * and puts it into the boot image; whoever measures the boot image (firmware) measures it as well.
 */
export interface Settings {
  /** The PCR that the manifest is measured into. It must be the one that the manifest names. */
  pcr: number;
  /** The PCR for what differs at each boot; the manifest's, too. */
  bootPcr: number;
  /** True when the boot image holds a FLASK policy, to be measured and loaded. */
  policy: boolean;
  /** True when the boot image holds a public key; the manifest must then be signed with its private key. */
  signed: boolean;
  /** What to do with the machine when the boot fails. */
  onFailure: 'halt' | 'reboot';
  /** Kernel modules to load, as absolute paths, in loading order. */
  modules: string[];
}

export const paths = {
  settings: '/etc/domb/settings.json',
  manifest: '/etc/domb/manifest.yaml',
  signature: '/etc/domb/manifest.yaml.sig',
  signatureKey: '/etc/domb/manifest.pem',
  policy: '/etc/domb/xenpolicy',
  /** Image paths in the manifest are relative to this directory. */
  images: '/images',
  /** The same for those that are compressed with zstd until they are wanted. */
  packedImages: '/packed-images',
} as const;
