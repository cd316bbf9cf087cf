import { join } from 'node:path';

/** What an installation puts where on a host, below the root of its file system: docs/installing.md has the list. */
export interface HostPlaces {
  readonly root: string;
  /** The manifest, its signature and key, and how it was installed. */
  readonly configuration: string;
  readonly manifest: string;
  readonly signature: string;
  readonly key: string;
  readonly choices: string;
  /** What this host knows of its boots. */
  readonly state: string;
  /** The images that the manifest names, from which releases are made. */
  readonly images: string;
  readonly variable: string;
  /** One directory for each release, where the boot loader looks. */
  readonly releases: string;
  readonly grubDefault: string;
}

export function hostPlaces(root = '/'): HostPlaces {
  const at = (path: string) => join(root, path);
  return {
    root,
    configuration: at('/etc/domb'),
    manifest: at('/etc/domb/manifest.yaml'),
    signature: at('/etc/domb/manifest.yaml.sig'),
    key: at('/etc/domb/manifest.pem'),
    choices: at('/etc/domb/install.json'),
    variable: at('/var/lib/domb'),
    state: at('/var/lib/domb/state.json'),
    images: at('/var/lib/domb/images'),
    releases: at('/boot/domb'),
    grubDefault: at('/etc/default/grub.d/domb.cfg'),
  };
}
