import { isUtf8 } from 'node:buffer';
import { ManifestError } from '../problems.ts';
import { MAXIMUM_BYTES } from './limits.ts';

/** The text of a manifest, without a byte order mark. Throws a {@link ManifestError} when there is none in `bytes`. */
export function decode(bytes: Uint8Array, source: string): string {
  if (bytes.length > MAXIMUM_BYTES) {
    const message = `the file has more than the ${MAXIMUM_BYTES} bytes that are allowed`;
    throw wholeFile(
      source,
      message,
      'check that this is the manifest; images are named in it, not contained',
    );
  }
  // A TextDecoder says the same, but Node takes longer to load it than to read a manifest.
  if (!isUtf8(bytes)) {
    throw wholeFile(
      source,
      'the file is not UTF-8 text',
      'save it as UTF-8, or check that this is the manifest',
    );
  }
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
  return text.startsWith('\ufeff') ? text.slice(1) : text;
}

function wholeFile(file: string, message: string, hint: string): ManifestError {
  return new ManifestError([
    { file, line: 1, col: 1, path: '', rule: 'not-text', message, hint, excerpt: '' },
  ]);
}
