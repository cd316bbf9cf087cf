import { MappedFile } from '../../bindings/mapped-files.ts';
import { CONTENT_ALGORITHMS, contentDigests } from '../../measurement/content.ts';
import type { ContentAlgorithm, ContentDescription } from '../../measurement/events.ts';
import { hashNow } from '../../measurement/hash-chunks.ts';
import type { MeasuredContent } from '../plan/measured-items.ts';

/**
 * Bytes in memory that nobody else can change, with their digests. Domains may share an image (a kernel,
 * mostly): it is read once and hashed once with each algorithm.
 */
export class LoadedImage implements MeasuredContent {
  readonly content: Buffer | MappedFile;
  readonly #digests = new Map<ContentAlgorithm, string>();

  constructor(content: Buffer | MappedFile) {
    this.content = content;
  }

  get bytes(): Buffer {
    return this.content instanceof MappedFile ? this.content.view() : this.content;
  }

  /** The digest in lower-case hex. */
  digest(algorithm: ContentAlgorithm): string {
    const known = this.#digests.get(algorithm);
    if (known) return known;
    const digest = digestOf(this.content, algorithm);
    this.#digests.set(algorithm, digest);
    return digest;
  }

  /** What the measurement log says about these bytes. */
  description(): ContentDescription {
    const digests = CONTENT_ALGORITHMS.map((algorithm) => [algorithm, this.digest(algorithm)]);
    return { size: this.content.length, digests: Object.fromEntries(digests) };
  }
}

function digestOf(content: Buffer | MappedFile, algorithm: ContentAlgorithm): string {
  return content instanceof MappedFile
    ? hashNow(content.pieces(), [algorithm]).digests[algorithm]
    : (contentDigests(content, [algorithm])[algorithm] as string);
}
