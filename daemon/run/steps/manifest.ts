import { loadManifest } from '../../../boot-configs/load.ts';
import { verifyDetachedSignature } from '../../../boot-configs/signature.ts';
import { BootFailure } from '../../plan/failure.ts';
import { paths } from '../../plan/settings.ts';
import { type OpenState, present } from '../state.ts';

/** Where the boot image holds a key, a manifest that is not signed with it ends the boot. */
export async function verifyManifestSignature(state: OpenState): Promise<string> {
  const { machine } = state;
  const manifestBytes = present(state.manifestBytes, 'manifest');
  const signature = await machine.readFile(paths.signature);
  verifyDetachedSignature(manifestBytes, signature, await machine.readFile(paths.signatureKey));
  return 'right';
}

export function readManifest(state: OpenState): string {
  const manifest = loadManifest(present(state.manifestBytes, 'manifest'), paths.manifest);
  const { pcr, bootPcr } = manifest.platform.measurement;
  const { settings } = state;
  if (pcr !== settings.pcr || bootPcr !== settings.bootPcr) {
    throw new BootFailure(
      `${paths.manifest}: names PCR ${pcr} and ${bootPcr}, but this boot image measures into PCR ${settings.pcr} and ${settings.bootPcr}`,
      'build the boot image again from this manifest',
    );
  }
  requireBanks(state, manifest.platform.measurement.banks);
  state.manifest = manifest;
  return `${manifest.domains.length} domains: ${manifest.domains.map((d) => d.name).join(', ')}`;
}

function requireBanks({ measurements }: OpenState, wanted: readonly string[]): void {
  const active: readonly string[] = measurements.target.banks;
  const missing = wanted.filter((bank) => !active.includes(bank));
  if (missing.length === 0) return;
  throw new BootFailure(
    `${paths.manifest}: wants the PCR banks ${wanted.join(', ')}, but of these ${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} not active; the TPM has ${active.join(', ')}`,
    'activate them in the firmware set-up, or take them out of platform.measurement.banks',
  );
}
