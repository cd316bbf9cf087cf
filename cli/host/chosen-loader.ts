import type { BootLoader } from '../../platform/host/boot-loader.ts';
import { EfiEntries } from '../../platform/host/efi-entries.ts';
import { Grub } from '../../platform/host/grub.ts';
import type { HostPlaces } from '../../platform/host/places.ts';
import { buildHypervisor } from '../../platform/hypervisor/build.ts';
import type { HostChoices } from './choices.ts';

/** What starts releases on this host. */
export async function chosenLoader(
  places: HostPlaces,
  { efi }: Pick<HostChoices, 'efi'>,
): Promise<BootLoader> {
  if (efi === undefined) return new Grub(places);
  const { key, certificate } = efi;
  return new EfiEntries(places, {
    xenEfi: (await buildHypervisor()).efi,
    key: key === undefined || certificate === undefined ? undefined : { key, certificate },
  });
}
