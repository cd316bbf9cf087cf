import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';
import { digest, type HashAlgorithm, hashSize, opensslName } from './algorithms.ts';
import {
  type Authorization,
  CONTINUE_SESSION,
  type ProtectedCommand,
  type SessionProtection,
  type SessionResponse,
} from './authorization.ts';
import { Writer } from './codec/writer.ts';
import { TpmSessionError } from './errors.ts';
import { kdfA } from './kdf.ts';

/** TPMA_SESSION. Part 2, 8.4: named from the TPM's side, which decrypts a command and encrypts a response. */
const DECRYPT = 0x20;
const ENCRYPT = 0x40;

/** The symmetric cipher of every session here: AES-CFB with this many bits. */
export const SESSION_AES_BITS = 128;
const BLOCK_BITS = 128;

/** Which first parameter, a TPM2B, is encrypted on its way. */
export interface ParameterEncryption {
  /** The command's, as in Create, ActivateCredential, NV_Write. */
  readonly command?: boolean;
  /** The response's, as in Unseal, ActivateCredential, NV_Read. */
  readonly response?: boolean;
}

export interface SessionStart {
  readonly handle: number;
  readonly type: 'hmac' | 'policy';
  readonly hash: HashAlgorithm;
  /** The secret that only we and the TPM have; empty for a session that is not salted. */
  readonly salt: Buffer;
  readonly nonceCaller: Buffer;
  readonly nonceTpm: Buffer;
}

/**
 * A session with HMACs: each command and response carries one that only the TPM with the salt's key and we can make, and the
 * first parameter can be encrypted. Without a salt it is who knows the authorization value that can make them. TPM 2.0 Library, Part 1, 19 and 21. Made by `startHmacSession`; lives until `flushContext`.
 */
export class HmacSession implements SessionProtection {
  readonly handle: number;
  readonly hash: HashAlgorithm;
  readonly type: 'hmac' | 'policy';
  /**
   * Names of objects by handle, from a source that is trusted. A command to another object than the named one is refused by
   * the TPM; names that are not here are asked from the TPM, over the bus.
   */
  readonly names: Map<number, Buffer> = new Map();
  readonly #key: Buffer;
  #nonceTpm: Buffer;

  constructor({ handle, type, hash, salt, nonceCaller, nonceTpm }: SessionStart) {
    this.handle = handle;
    this.type = type;
    this.hash = hash;
    this.#nonceTpm = nonceTpm;
    // Part 1, 19.6.8: no bind, hence no authValue in it; with neither salt nor bind there is no key.
    const salted = salt.length > 0;
    this.#key = !salted ? salt : kdfA(hash, salt, 'ATH', nonceTpm, nonceCaller, 8 * hashSize(hash));
  }

  /**
   * Authorizes by `value`, a password that is proven and not sent; in a policy session, after `policyAuthValue`.
   * @throws {RangeError} for encryption in a policy session without a password: nothing would tell that the object has one
   */
  authorize(value: string | Uint8Array = '', encryption: ParameterEncryption = {}): Authorization {
    const bytes = withoutTrailingZeros(typeof value === 'string' ? Buffer.from(value) : value);
    if (
      this.type === 'policy' &&
      bytes.length === 0 &&
      attributesOf(encryption) !== CONTINUE_SESSION
    ) {
      throw new RangeError(
        'a policy session without a password encrypts nothing: add a session of type hmac',
      );
    }
    return {
      session: this.handle,
      value: bytes,
      attributes: attributesOf(encryption),
      protection: this,
    };
  }

  /** Authorizes nothing: protects a command that others authorize, as one more session behind them. */
  protect(encryption: ParameterEncryption): Authorization {
    if (this.type === 'policy') throw new RangeError('only a session of type hmac protects others');
    const value = Buffer.alloc(0);
    return { session: this.handle, value, attributes: attributesOf(encryption), protection: this };
  }

  /** One command's HMAC, over its code, the names of its handles and its parameters as they are sent. Part 1, 19.6. */
  command(
    use: Authorization,
    code: number,
    names: readonly Buffer[],
    plain: Buffer,
  ): ProtectedCommand {
    const { attributes } = use;
    const key = Buffer.concat([this.#key, use.value]);
    const nonce = randomBytes(hashSize(this.hash));
    const parameters =
      attributes & DECRYPT ? this.#crypt('encrypt', key, plain, nonce, this.#nonceTpm) : plain;
    const codeBytes = new Writer().u32(code).toBuffer();
    const cpHash = digest(this.hash, codeBytes, ...names, parameters);
    const hmac = this.#hmac(key, cpHash, nonce, this.#nonceTpm, attributes);
    const open = (response: SessionResponse, received: Buffer) => {
      const rpHash = digest(this.hash, Buffer.alloc(4), codeBytes, received);
      const expected = this.#hmac(key, rpHash, response.nonce, nonce, response.attributes);
      if (response.hmac.length !== expected.length || !timingSafeEqual(response.hmac, expected)) {
        throw new TpmSessionError('the HMAC of the response does not match');
      }
      if (response.attributes !== attributes) {
        throw new TpmSessionError(
          `the response has session attributes ${response.attributes}, not ${attributes}`,
        );
      }
      this.#nonceTpm = Buffer.from(response.nonce);
      if (!(attributes & ENCRYPT)) return received;
      return this.#crypt('decrypt', key, received, this.#nonceTpm, nonce);
    };
    return { nonce, hmac, parameters, open };
  }

  #hmac(key: Buffer, pHash: Buffer, newer: Buffer, older: Buffer, attributes: number): Buffer {
    return createHmac(opensslName(this.hash), key)
      .update(pHash)
      .update(newer)
      .update(older)
      .update(Buffer.of(attributes))
      .digest();
  }

  /** AES-CFB over the first parameter without its size, with key and IV of this one message. Part 1, 21.3. */
  #crypt(
    way: 'encrypt' | 'decrypt',
    key: Buffer,
    parameters: Buffer,
    newer: Buffer,
    older: Buffer,
  ) {
    const size = parameters.length < 2 ? -1 : parameters.readUInt16BE(0);
    if (size < 0 || 2 + size > parameters.length) {
      throw new TpmSessionError('the first parameter is no TPM2B, and cannot be encrypted');
    }
    const made = kdfA(this.hash, key, 'CFB', newer, older, SESSION_AES_BITS + BLOCK_BITS);
    const [aesKey, iv] = [
      made.subarray(0, SESSION_AES_BITS / 8),
      made.subarray(SESSION_AES_BITS / 8),
    ];
    const algorithm = `aes-${SESSION_AES_BITS}-cfb`;
    const cipher =
      way === 'encrypt'
        ? createCipheriv(algorithm, aesKey, iv)
        : createDecipheriv(algorithm, aesKey, iv);
    const first = cipher.update(parameters.subarray(2, 2 + size));
    return Buffer.concat([parameters.subarray(0, 2), first, parameters.subarray(2 + size)]);
  }
}

function attributesOf({ command = false, response = false }: ParameterEncryption): number {
  return CONTINUE_SESSION | (command ? DECRYPT : 0) | (response ? ENCRYPT : 0);
}

/** A TPM drops them of every authValue. Part 1, 19.6.4.3. */
function withoutTrailingZeros(value: Uint8Array): Buffer {
  let length = value.length;
  while (length > 0 && value[length - 1] === 0) length--;
  return Buffer.from(value.subarray(0, length));
}
