import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { type HashAlgorithm, opensslName } from 'node-tpm2-pts';
import { CERTIFICATE_DIRECTORY, fileOrder, MAX_HEADERS, type PeImage, parsePe } from './pe.ts';

/** A part of a file, from `start` up to but not including `end`. */
export interface Range {
  start: number;
  end: number;
}

/** Large enough that a read costs nothing beside hashing. */
const CHUNK = 1 << 20;

/**
 * The parts of a PE file that its Authenticode digest covers, in order: everything but the checksum, the directory entry of
 * the certificate table, and the certificates. Windows Authenticode Portable Executable Signature Format, "Calculating
 * the PE Image Hash". Firmware measures the same digest (TCG PC Client Platform Firmware Profile 1.05, EV_EFI_BOOT_SERVICES_APPLICATION).
 *
 * Bytes between two sections are left out, and as many of the last ones are taken twice: the specification counts the
 * bytes that were hashed and goes on at that offset. Firmware does just that, so the prediction has to.
 */
export function authenticodeRanges(image: PeImage, fileSize: number): Range[] {
  const { checksum, dataDirectories, dataDirectoryCount, sizeOfHeaders, certificates } = image;
  const ranges = [{ start: 0, end: checksum }];
  if (dataDirectoryCount > CERTIFICATE_DIRECTORY) {
    const entry = dataDirectories + CERTIFICATE_DIRECTORY * 8;
    ranges.push({ start: checksum + 4, end: entry }, { start: entry + 8, end: sizeOfHeaders });
  } else {
    ranges.push({ start: checksum + 4, end: sizeOfHeaders });
  }
  let counted = sizeOfHeaders;
  for (const { rawOffset, rawSize } of fileOrder(image.sections)) {
    ranges.push({ start: rawOffset, end: rawOffset + rawSize });
    counted += rawSize;
  }
  const end = fileSize - (certificates?.size ?? 0);
  if (end > counted) ranges.push({ start: counted, end });
  return ranges;
}

/**
 * The Authenticode digests of an EFI file, by algorithm, in constant memory.
 * @throws {PeError} when it is no PE image
 */
export async function authenticodeDigests(
  path: string,
  algorithms: readonly HashAlgorithm[],
): Promise<Map<HashAlgorithm, Buffer>> {
  const hashes = algorithms.map((name) => ({ name, hash: createHash(opensslName(name)) }));
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const start = await read(file, { start: 0, end: Math.min(size, MAX_HEADERS) });
    for (const range of authenticodeRanges(parsePe(start, size), size)) {
      for (let at = range.start; at < range.end; at += CHUNK) {
        const piece = await read(file, { start: at, end: Math.min(at + CHUNK, range.end) });
        for (const { hash } of hashes) hash.update(piece);
      }
    }
  } finally {
    await file.close();
  }
  return new Map(hashes.map(({ name, hash }) => [name, hash.digest()]));
}

async function read(file: FileHandle, { start, end }: Range): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(end - start);
  for (let done = 0; done < bytes.length; ) {
    const { bytesRead } = await file.read(bytes, done, bytes.length - done, start + done);
    if (bytesRead === 0) throw new Error(`the file became shorter than ${end} bytes while read`);
    done += bytesRead;
  }
  return bytes;
}
