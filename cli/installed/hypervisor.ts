import type { HypervisorBuild } from '../../platform/hypervisor/build.ts';
import { packagedParts } from '../../platform/images/packaged-parts.ts';
import { xenFile } from './places.ts';

/** The hypervisor of the package domb-xen. */
export async function buildHypervisor(): Promise<HypervisorBuild> {
  return {
    hypervisor: xenFile(packagedParts.xen),
    efi: xenFile(packagedParts.xenEfi),
  };
}
