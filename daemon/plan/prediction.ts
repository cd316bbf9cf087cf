import type { HashAlgorithm } from 'node-tpm2-pts';
import { measuredImages } from '../../boot-configs/all-domains.ts';
import type { Manifest } from '../../boot-configs/manifest.ts';
import { CONTENT_ALGORITHMS } from '../../measurement/content.ts';
import type { Target } from '../../measurement/encode.ts';
import type { ContentDescription, MeasuredItem } from '../../measurement/events.ts';
import { guestLaunch } from '../../measurement/guest-launch.ts';
import { hashFiles } from '../../measurement/hash-files.ts';
import { type Prediction, predict } from '../../measurement/predict.ts';
import { launchItems } from './guest-launch.ts';
import { expectedItems, type MeasuredContent } from './measured-items.ts';

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
  const { manifest, manifestBytes, findImage, policy, signatureKey, banks, hashed } = boot;
  const files = new Map<string, string>();
  for (const path of measuredImages(manifest)) files.set(path, await findImage(path));
  const content = await contents([...files.values(), ...(policy ? [policy] : [])], hashed);
  const items = await expectedItems(manifest, {
    manifestBytes,
    image: async (path) => content(files.get(path) ?? '', path),
    policy: policy === undefined ? undefined : async () => content(policy, policy),
    signatureKey: signatureKey && (async () => signatureKey),
  });
  const target = { pcr: manifest.platform.measurement.pcr, banks };
  return { target, items, ...predict(items, target) };
}

/** What there is to say of files; of any other it fails. */
async function contents(
  files: readonly string[],
  hashed: ReadonlyMap<string, ContentDescription> = new Map(),
) {
  const described = new Map([
    ...hashed,
    ...(await hashFiles(files.filter((file) => !hashed.has(file)))),
  ]);
  return (file: string, name: string): MeasuredContent => {
    const description = described.get(file);
    if (description === undefined) throw new Error(`the manifest does not name image ${name}`);
    return { description: () => measuredDescription(description) };
  };
}

export interface PredictedGuest extends Pick<PredictedBoot, 'manifest' | 'findImage' | 'hashed'> {
  /** The name of a domain with a vTPM. */
  readonly guest: string;
  /** The UUID that it has in one boot; it is chosen at each boot. */
  readonly uuid?: string | undefined;
  /** Those of its TPM. */
  readonly banks: readonly HashAlgorithm[];
}

/**
 * Predicts what a guest's own TPM holds when the guest starts, as {@link predictBoot} does of the platform's.
 * @throws {MeasurementError} for an image that is no regular file, otherwise what the file system says
 */
export async function predictGuest(wanted: PredictedGuest): Promise<Prediction> {
  const { manifest, findImage, hashed, guest, uuid, banks } = wanted;
  const domain = manifest.domains.find(({ name }) => name === guest);
  if (domain === undefined) throw new Error(`the manifest has no domain ${guest}`);
  const files = new Map<string, string>();
  for (const path of [domain.kernel, ...domain.ramdisk]) files.set(path, await findImage(path));
  const content = await contents([...files.values()], hashed);
  const predictable = await launchItems(domain, manifest, {
    image: async (path) => content(files.get(path) ?? '', path),
  });
  const { domid } = domain;
  const identity = uuid === undefined ? undefined : { domain: guest, domid, uuid };
  return guestLaunch(
    { predictable, identity: identity && { event: 'identity', ...identity } },
    banks,
  );
}

/** The digests that domB measures; a file may have been hashed with others as well. */
function measuredDescription({ size, digests }: ContentDescription): ContentDescription {
  return {
    size,
    digests: Object.fromEntries(CONTENT_ALGORITHMS.map((name) => [name, digests[name]])),
  };
}
