import { createPublicKey, type KeyObject, verify } from 'node:crypto';

/** A manifest that is not signed as it must be. */
export class SignatureError extends Error {
  override name = 'SignatureError';
  /** What to do about it. */
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

/** The digest that goes with each curve (FIPS 186-5, section 6.1.1: as strong as the curve). */
const digestOfCurve: Record<string, string> = { prime256v1: 'sha256', secp384r1: 'sha384' };

/**
 * Checks the detached `signature` of the very bytes of a manifest, or of another file that `what` names, under a public key
 * in PEM form (SPKI). As openssl makes them: Ed25519 by `pkeyutl -sign -rawin`, ECDSA on P-256 or P-384 by `dgst -sha256` or
 * `-sha384 -sign`, in DER. Throws a {@link SignatureError} when the key can't be used or the signature is not right.
 */
export function verifyDetachedSignature(
  content: Uint8Array,
  signature: Uint8Array,
  publicKey: string | Buffer,
  what = 'manifest',
): void {
  const key = readKey(publicKey);
  const digest = digestFor(key);
  if (!verify(digest, content, key, signature)) {
    throw new SignatureError(
      `the ${what}'s signature is wrong under this key`,
      `sign the ${what} again after every change, with the private key that belongs to the public one`,
    );
  }
}

function readKey(publicKey: string | Buffer): KeyObject {
  // A private key would do for Node, but has no place beside what it protects.
  if (publicKey.includes('PRIVATE KEY')) {
    throw new SignatureError(
      'this is a private key',
      'keep it away from the platform and give the public one (openssl pkey -pubout)',
    );
  }
  try {
    return createPublicKey(publicKey);
  } catch {
    throw new SignatureError(
      'this is not a public key in PEM form',
      'make it from the private key with openssl pkey -pubout',
    );
  }
}

function digestFor(key: KeyObject): string | null {
  // Ed25519 hashes by itself.
  if (key.asymmetricKeyType === 'ed25519') return null;
  const curve = key.asymmetricKeyDetails?.namedCurve;
  const digest = key.asymmetricKeyType === 'ec' && curve ? digestOfCurve[curve] : undefined;
  if (digest !== undefined) return digest;
  throw new SignatureError(
    `keys of the kind ${curve ?? key.asymmetricKeyType} are not supported`,
    'use Ed25519, or ECDSA on P-256 or P-384',
  );
}
