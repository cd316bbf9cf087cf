import { randomBytes } from 'node:crypto';
import type { HashAlgorithm } from '../algorithms.ts';
import { hashId, hashSize } from '../algorithms.ts';
import { Writer } from '../codec/writer.ts';
import { TPM_ALG, TPM_RH } from '../constants.ts';
import { secretForKey } from '../encrypted-secret.ts';
import { HmacSession, SESSION_AES_BITS } from '../hmac-session.ts';
import { decodePublic, objectName } from '../structures/public.ts';
import type { Tpm } from '../tpm.ts';
import { flushContext } from './context.ts';

/** TPM_SE, session types. Part 2, 6.11. */
const SESSION_TYPES = { hmac: 0x00, policy: 0x01, trial: 0x03 } as const;

/**
 * TPM2_StartAuthSession (Part 3, 11.1) for a policy session, unbound and unsalted; a `trial` session computes a policy
 * without checking it. Returns the session's handle.
 */
export async function startPolicySession(
  tpm: Tpm,
  { type = 'policy', hash = 'sha256' }: { type?: 'policy' | 'trial'; hash?: HashAlgorithm } = {},
): Promise<number> {
  // Without an HMAC the caller's nonce protects nothing; the TPM wants at least 16 bytes.
  const nonceCaller = Buffer.alloc(Math.min(hashSize(hash), 32));
  const { handle, parameters } = await tpm.executeForHandle({
    command: 'StartAuthSession',
    handles: [TPM_RH.NULL, TPM_RH.NULL],
    parameters: new Writer()
      .sized(nonceCaller)
      .sized(Buffer.alloc(0))
      .u8(SESSION_TYPES[type])
      .u16(TPM_ALG.NULL)
      .u16(hashId(hash)),
  });
  parameters.sized('nonceTPM', 64);
  parameters.end();
  return handle;
}

/** Runs `use` with a fresh policy session and flushes it afterwards, whatever happened. */
export async function withPolicySession<T>(
  tpm: Tpm,
  use: (session: number) => Promise<T>,
  options: { type?: 'policy' | 'trial'; hash?: HashAlgorithm } = {},
): Promise<T> {
  const session = await startPolicySession(tpm, options);
  try {
    return await use(session);
  } finally {
    await flushContext(tpm, session);
  }
}

/** The key that a session's secret is encrypted for. */
export interface SaltKey {
  readonly handle: number;
  /**
   * Its TPMT_PUBLIC, from a source that is trusted, such as the EK's certificate or an enrolment: what the bus says now may be
   * somebody else's key.
   */
  readonly publicArea: Buffer;
}

/**
 * TPM2_StartAuthSession (Part 3, 11.1) for a session that is salted by a storage or endorsement key, RSA or ECC, and encrypts
 * with AES-CFB. `type` policy is for policies with PolicyAuthValue. Flush its `handle` when done.
 */
export async function startHmacSession(
  tpm: Tpm,
  key: SaltKey,
  { type = 'hmac', hash = 'sha256' }: { type?: 'hmac' | 'policy'; hash?: HashAlgorithm } = {},
): Promise<HmacSession> {
  const { seed: salt, secret } = secretForKey(decodePublic(key.publicArea), 'SECRET');
  const encryption = new Writer().u16(TPM_ALG.AES).u16(SESSION_AES_BITS).u16(TPM_ALG.CFB);
  const session = await start(tpm, {
    ...{ key: key.handle, salt, secret, encryption: encryption.toBuffer(), type, hash },
  });
  session.names.set(key.handle, objectName(key.publicArea));
  return session;
}

/**
 * TPM2_StartAuthSession (Part 3, 11.1) for a session of HMACs that is neither salted nor bound: nothing but the authorization value
 * protects what is done with it, which has to be a secret that nobody guesses. Flush its `handle` when done.
 */
export function startUnsaltedSession(
  tpm: Tpm,
  { hash = 'sha256' }: { hash?: HashAlgorithm } = {},
): Promise<HmacSession> {
  const none = Buffer.alloc(0);
  const encryption = new Writer().u16(TPM_ALG.NULL).toBuffer();
  return start(tpm, {
    ...{ key: TPM_RH.NULL, salt: none, secret: none, encryption, type: 'hmac', hash },
  });
}

async function start(
  tpm: Tpm,
  session: {
    /** Handle of the key that the salt is encrypted for. */
    key: number;
    salt: Buffer;
    /** The salt, encrypted. */
    secret: Buffer;
    /** TPMT_SYM_DEF. */
    encryption: Buffer;
    type: 'hmac' | 'policy';
    hash: HashAlgorithm;
  },
): Promise<HmacSession> {
  const { key, salt, secret, encryption, type, hash } = session;
  const nonceCaller = randomBytes(hashSize(hash));
  const { handle, parameters } = await tpm.executeForHandle({
    command: 'StartAuthSession',
    handles: [key, TPM_RH.NULL],
    parameters: new Writer()
      .sized(nonceCaller)
      .sized(secret)
      .u8(SESSION_TYPES[type])
      .bytes(encryption)
      .u16(hashId(hash)),
  });
  const nonceTpm = Buffer.from(parameters.sized('nonceTPM', 64));
  parameters.end();
  return new HmacSession({ handle, type, hash, salt, nonceCaller, nonceTpm });
}

/** Runs `use` with a fresh salted session and flushes it afterwards, whatever happened. */
export async function withHmacSession<T>(
  tpm: Tpm,
  key: SaltKey,
  use: (session: HmacSession) => Promise<T>,
  options: { type?: 'hmac' | 'policy'; hash?: HashAlgorithm } = {},
): Promise<T> {
  const session = await startHmacSession(tpm, key, options);
  try {
    return await use(session);
  } finally {
    await flushContext(tpm, session.handle);
  }
}
