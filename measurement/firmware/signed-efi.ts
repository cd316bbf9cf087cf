import { open } from 'node:fs/promises';
import { MAX_HEADERS, parsePe } from './pe.ts';

/**
 * Whether an EFI file carries a signature, which firmware with Secure Boot checks. Whose it is, is not looked at.
 * @throws {PeError} when it is no PE image
 */
export async function isSignedEfi(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.min(size, MAX_HEADERS)), 0);
    return parsePe(buffer.subarray(0, bytesRead), size).certificates !== undefined;
  } finally {
    await file.close();
  }
}
