import type { Reader } from './codec/reader.ts';
import { Writer } from './codec/writer.ts';
import { TPM_RH } from './constants.ts';

/**
 * One entry of a command's authorization area: a TPMS_AUTH_COMMAND. TPM 2.0 Library, Part 2, 10.13.2.
 * A password, a policy session without an HMAC (unbound, unsalted, no PolicyAuthValue), or an `HmacSession`.
 */
export interface Authorization {
  /** TPM_RH.PW or a session's handle. */
  readonly session: number;
  /** The password; empty for a policy session. With `protection` it is proven by an HMAC and not sent. */
  readonly value: Uint8Array;
  /** TPMA_SESSION. Part 2, 8.4. */
  readonly attributes: number;
  /** Makes the HMAC, where the session has one. */
  readonly protection?: SessionProtection;
}

/** A session with a key, as far as commands are concerned: `HmacSession`. */
export interface SessionProtection {
  readonly names: ReadonlyMap<number, Buffer>;
  command(
    use: Authorization,
    code: number,
    names: readonly Buffer[],
    parameters: Buffer,
  ): ProtectedCommand;
}

/** A session's part of one command, and what opens its part of the response. */
export interface ProtectedCommand {
  readonly nonce: Buffer;
  readonly hmac: Buffer;
  /** With the first one encrypted, where that was asked for. */
  readonly parameters: Buffer;
  /**
   * Checks the response's HMAC, then decrypts.
   * @throws {TpmSessionError} when the HMAC does not match
   */
  open(response: SessionResponse, parameters: Buffer): Buffer;
}

/** TPMS_AUTH_RESPONSE. Part 2, 10.13.3. */
export interface SessionResponse {
  readonly nonce: Buffer;
  readonly attributes: number;
  readonly hmac: Buffer;
}

/** TPMA_SESSION.continueSession: the session survives the command. */
export const CONTINUE_SESSION = 0x01;

/** Authorizes with a password (an authValue); the empty one is what a fresh TPM's hierarchies have. */
export function password(value: string | Uint8Array = ''): Authorization {
  const bytes = typeof value === 'string' ? Buffer.from(value) : value;
  return { session: TPM_RH.PW, value: bytes, attributes: 0 };
}

/** Authorizes with a policy session. Unless `keep`, the TPM flushes it after the command succeeded. */
export function policySession(session: number, { keep = false } = {}): Authorization {
  return { session, value: Buffer.alloc(0), attributes: keep ? CONTINUE_SESSION : 0 };
}

/** authorizationSize u32, then for each session: handle, nonce, attributes, HMAC or password. */
export function writeAuthorizations(
  to: Writer,
  authorizations: readonly Authorization[],
  made?: ProtectedCommand,
): void {
  const area = new Writer();
  for (const { session, value, attributes, protection } of authorizations) {
    const { nonce, hmac } = (protection && made) || { nonce: Buffer.alloc(0), hmac: value };
    area.u32(session).sized(nonce).u8(attributes).sized(hmac);
  }
  const bytes = area.toBuffer();
  to.u32(bytes.length).bytes(bytes);
}

/** Reads and checks the form of the response's authorization area: exactly `count` TPMS_AUTH_RESPONSE. Part 2, 10.13.3. */
export function readAuthorizations(from: Reader, count: number): SessionResponse[] {
  const responses = Array.from({ length: count }, () => {
    const nonce = from.sized('nonceTPM', 64);
    const attributes = from.u8('sessionAttributes');
    return { nonce, attributes, hmac: from.sized('hmac', 64) };
  });
  from.end();
  return responses;
}
