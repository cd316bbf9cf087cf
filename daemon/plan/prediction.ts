import type { HashAlgorithm } from 'node-tpm2-pts';
import { measuredImages } from '../../boot-configs/all-domains.ts';
import type { Manifest } from '../../boot-configs/manifest.ts';
import { CONTENT_ALGORITHMS } from '../../measurement/content.ts';
import type { Target } from '../../measurement/encode.ts';
import type { ContentDescription, MeasuredItem } from '../../measurement/events.ts';
import { hashFiles } from '../../measurement/hash-files.ts';
import { type Prediction, predict } from '../../measurement/predict.ts';
import { expectedItems } from './measured-items.ts';

/** What a boot leaves in the PCRs that the manifest names, and in the log. */
export interface BootPrediction extends Prediction {
  readonly target: Target;
  readonly items: readonly MeasuredItem[];
}

export interface PredictedBoot {
  readonly manifest: Manifest;
  /** The very bytes that the boot image will hold. */
  readonly manifestBytes: Uint8Array;
  /** The file of an image, by its path in the manifest. */
  findImage(path: string): string | Promise<string>;
  /** What is known of files already, by their path; SHA-256 at least. */
  readonly hashed?: ReadonlyMap<string, ContentDescription> | undefined;
  /** The file of the boot image's FLASK policy, if it has one. */
  readonly policy?: string | undefined;
  /** The public key of the boot image, in PEM form, if it has one. */
  readonly signatureKey?: Buffer | undefined;
  /** The TPM's active banks. */
  readonly banks: readonly HashAlgorithm[];
}

/**
 * Predicts a boot without a TPM. The images are hashed where they are; they may be of any size.
 * @throws {MeasurementError} for an image that is no regular file, otherwise what the file system says
 */
export async function predictBoot(boot: PredictedBoot): Promise<BootPrediction> {
  const { manifest, manifestBytes, findImage, policy, signatureKey, banks } = boot;
  const { hashed = new Map<string, ContentDescription>() } = boot;
  const files = new Map<string, string>();
  for (const path of measuredImages(manifest)) files.set(path, await findImage(path));
  const wanted = [...files.values(), ...(policy ? [policy] : [])];
  const described = new Map([
    ...hashed,
    ...(await hashFiles(wanted.filter((file) => !hashed.has(file)))),
  ]);
  const content = (file: string, name: string) => {
    const description = described.get(file);
    if (description === undefined) throw new Error(`the manifest does not name image ${name}`);
    return { description: () => measuredDescription(description) };
  };
  const items = await expectedItems(manifest, {
    manifestBytes,
    image: async (path) => content(files.get(path) ?? '', path),
    policy: policy === undefined ? undefined : async () => content(policy, policy),
    signatureKey: signatureKey && (async () => signatureKey),
  });
  const target = { pcr: manifest.platform.measurement.pcr, banks };
  return { target, items, ...predict(items, target) };
}

/** The digests that domB measures; a file may have been hashed with others as well. */
function measuredDescription({ size, digests }: ContentDescription): ContentDescription {
  return {
    size,
    digests: Object.fromEntries(CONTENT_ALGORITHMS.map((name) => [name, digests[name]])),
  };
}
