import { CONTENT_ALGORITHMS, contentDigests } from '../../measurement/content.ts';
import type { ContentAlgorithm, ContentDescription } from '../../measurement/events.ts';
import type { MeasuredContent } from '../plan/measured-items.ts';

/**
 * Bytes in memory that nobody else can change, with their digests. Domains may share an image (a kernel,
 * mostly): it is read once and hashed once with each algorithm.
 */
export class LoadedImage implements MeasuredContent {
  readonly bytes: Buffer;
  readonly #digests = new Map<ContentAlgorithm, string>();

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  /** The digest in lower-case hex. */
  digest(algorithm: ContentAlgorithm): string {
    const known = this.#digests.get(algorithm);
    if (known) return known;
    const digest = contentDigests(this.bytes, [algorithm])[algorithm] as string;
    this.#digests.set(algorithm, digest);
    return digest;
  }

  /** What the measurement log says about these bytes. */
  description(): ContentDescription {
    const digests = CONTENT_ALGORITHMS.map((algorithm) => [algorithm, this.digest(algorithm)]);
    return { size: this.bytes.length, digests: Object.fromEntries(digests) };
  }
}
