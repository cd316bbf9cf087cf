import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

/** Begins every encrypted state; a version that is not known is none. */
const MAGIC = Buffer.from('domb vtpm state 1\n', 'latin1');
const ALGORITHM = 'aes-256-gcm';
const KEY_SIZE = 32;
const SALT_SIZE = 32;
const NONCE_SIZE = 12;
const TAG_SIZE = 16;
const HEADER_SIZE = MAGIC.length + SALT_SIZE + NONCE_SIZE;

/**
 * The state of a guest's TPM as dom0 stores it: magic, salt, nonce, ciphertext, tag. Key is HKDF-SHA256 of the platform's key, with the
 * salt and the guest's name, so that each key is used once; header and name are authenticated, too.
 */
export function encryptState(key: Buffer, name: string, state: Buffer): Buffer {
  const header = Buffer.concat([MAGIC, randomBytes(SALT_SIZE + NONCE_SIZE)]);
  const cipher = createCipheriv(ALGORITHM, keyOf(key, name, header), nonceOf(header));
  cipher.setAAD(authenticated(header, name));
  const parts = [header, cipher.update(state), cipher.final(), cipher.getAuthTag()];
  return Buffer.concat(parts);
}

/** @throws Error for what {@link encryptState} did not make for this guest under this key */
export function decryptState(key: Buffer, name: string, stored: Buffer): Buffer {
  const wrong = `the state is not one of ${name} under the key of this machine`;
  if (stored.length < HEADER_SIZE + TAG_SIZE || !stored.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw new Error(wrong);
  }
  const header = stored.subarray(0, HEADER_SIZE);
  const decipher = createDecipheriv(ALGORITHM, keyOf(key, name, header), nonceOf(header));
  decipher.setAAD(authenticated(header, name));
  decipher.setAuthTag(stored.subarray(-TAG_SIZE));
  const state = decipher.update(stored.subarray(HEADER_SIZE, -TAG_SIZE));
  try {
    return Buffer.concat([state, decipher.final()]);
  } catch {
    throw new Error(wrong);
  }
}

const saltOf = (header: Buffer) => header.subarray(MAGIC.length, MAGIC.length + SALT_SIZE);
const nonceOf = (header: Buffer) => header.subarray(MAGIC.length + SALT_SIZE, HEADER_SIZE);
const authenticated = (header: Buffer, name: string) =>
  Buffer.concat([header, Buffer.from(name, 'latin1')]);

function keyOf(key: Buffer, name: string, header: Buffer): Buffer {
  return Buffer.from(
    hkdfSync('sha256', key, saltOf(header), `domb vtpm state of ${name}`, KEY_SIZE),
  );
}
