import { createPrivateKey } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SigningKey } from './sign.ts';

/**
 * The key that Debian's ovmf package has for tests, which its variable store OVMF_VARS_4M.snakeoil.fd enrols as PK, KEK and
 * db. Its pass phrase is public: what it signs, anybody may have signed.
 */
const snakeoil = '/usr/share/ovmf/PkKek-1-snakeoil';
const passphrase = 'snakeoil';

/** The snakeoil key as {@link SigningKey}; it is written to `directory` without its pass phrase. */
export async function snakeoilKey(directory: string): Promise<SigningKey> {
  const encrypted = await readFile(`${snakeoil}.key`, 'utf8');
  const key = join(directory, 'snakeoil.key');
  const plain = createPrivateKey({ key: encrypted, passphrase });
  await writeFile(key, plain.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  return { key, certificate: `${snakeoil}.pem` };
}
