import { loadManifest } from '../../boot-configs/manifest.ts';
import { verifySignature } from '../../boot-configs/signature.ts';
import { BootFailure } from '../failure.ts';
import { paths } from '../settings.ts';
import type { BootState } from '../state.ts';

/** Where the boot image holds a key, a manifest that is not signed with it ends the boot. */
export async function verifyManifestSignature({
  machine,
  manifestBytes,
}: BootState): Promise<string> {
  if (!manifestBytes) throw new Error('the signature is verified before the manifest is measured');
  const signature = await machine.readFile(paths.signature);
  verifySignature(manifestBytes, signature, await machine.readFile(paths.signatureKey));
  return 'right';
}

export function readManifest(state: BootState): string {
  if (!state.manifestBytes) throw new Error('the manifest is parsed before it is measured');
  const manifest = loadManifest(state.manifestBytes, paths.manifest);
  const { pcr, bootPcr } = manifest.platform.measurement;
  const { settings } = state;
  if (pcr !== settings.pcr || bootPcr !== settings.bootPcr) {
    throw new BootFailure(
      `${paths.manifest}: names PCR ${pcr} and ${bootPcr}, but this boot image measures into PCR ${settings.pcr} and ${settings.bootPcr}`,
      'build the boot image again from this manifest',
    );
  }
  requireBanks(state, manifest.platform.measurement.banks);
  state.manifestIfRead = manifest;
  return `${manifest.domains.length} domains: ${manifest.domains.map((d) => d.name).join(', ')}`;
}

function requireBanks({ measurements }: BootState, wanted: readonly string[]): void {
  const active: readonly string[] = measurements.target.banks;
  const missing = wanted.filter((bank) => !active.includes(bank));
  if (missing.length === 0) return;
  throw new BootFailure(
    `${paths.manifest}: wants the PCR banks ${wanted.join(', ')}, but of these ${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} not active; the TPM has ${active.join(', ')}`,
    'activate them in the firmware set-up, or take them out of platform.measurement.banks',
  );
}
