import { createHmac } from 'node:crypto';
import { digest, type HashAlgorithm, hashSize, opensslName } from './algorithms.ts';
import { Writer } from './codec/writer.ts';

/** KDFa, SP 800-108 counter mode with HMAC. TPM 2.0 Library, Part 1, "KDFa()". `bits` is a multiple of 8. */
export function kdfA(
  hash: HashAlgorithm,
  key: Uint8Array,
  label: string,
  contextU: Uint8Array,
  contextV: Uint8Array,
  bits: number,
): Buffer {
  return counted(hash, bits, (counter) =>
    createHmac(opensslName(hash), key)
      .update(new Writer().u32(counter).toBuffer())
      .update(`${label}\0`, 'latin1')
      .update(contextU)
      .update(contextV)
      .update(new Writer().u32(bits).toBuffer())
      .digest(),
  );
}

/** KDFe, SP 800-56A one-step derivation from an ECDH secret. Part 1, "KDFe()". `bits` is a multiple of 8. */
export function kdfE(
  hash: HashAlgorithm,
  secret: Uint8Array,
  label: string,
  partyU: Uint8Array,
  partyV: Uint8Array,
  bits: number,
): Buffer {
  const use = Buffer.from(`${label}\0`, 'latin1');
  return counted(hash, bits, (counter) =>
    digest(hash, new Writer().u32(counter).toBuffer(), secret, use, partyU, partyV),
  );
}

function counted(hash: HashAlgorithm, bits: number, block: (counter: number) => Buffer): Buffer {
  const count = Math.ceil(bits / 8 / hashSize(hash));
  const blocks = Array.from({ length: count }, (_, i) => block(i + 1));
  return Buffer.concat(blocks).subarray(0, bits / 8);
}
