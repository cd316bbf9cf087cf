import { readFile } from 'node:fs/promises';
import { type HashAlgorithm, hashAlgorithms } from 'node-tpm2-pts';
import type { Manifest } from '../../boot-configs/manifest.ts';
import { LoadedImage } from '../../daemon/loaded-image.ts';
import { expectedItems } from '../../daemon/measured-items.ts';
import { predict } from '../../measurement/predict.ts';

/** The PCR that a boot of this manifest must leave, in every bank there can be, as hex by bank; without any TPM. */
export async function predictedPcr(
  manifest: Manifest,
  manifestBytes: Buffer,
  findImage: (path: string) => Promise<string>,
): Promise<Map<HashAlgorithm, string>> {
  const loaded = new Map<string, LoadedImage>();
  const image = async (path: string) => {
    const known = loaded.get(path);
    if (known) return known;
    const fresh = new LoadedImage(await readFile(await findImage(path)));
    loaded.set(path, fresh);
    return fresh;
  };
  const items = await expectedItems(manifest, { manifestBytes, image });
  const { pcr } = manifest.platform.measurement;
  const { values } = predict(items, { pcr, banks: hashAlgorithms });
  return new Map([...values].map(([bank, value]) => [bank, value.toString('hex')]));
}
