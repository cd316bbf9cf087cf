import type { Reader } from './codec/reader.ts';
import { Writer } from './codec/writer.ts';
import { TPM_RH } from './constants.ts';

/**
 * One entry of a command's authorization area: a TPMS_AUTH_COMMAND. TPM 2.0 Library, Part 2, 10.13.2.
 * Covers password authorization and policy sessions without an HMAC (unbound, unsalted, no PolicyAuthValue).
 */
export interface Authorization {
  /** TPM_RH.PW or a session's handle. */
  readonly session: number;
  /** The password; empty for a policy session. */
  readonly value: Uint8Array;
  /** TPMA_SESSION. Part 2, 8.4. */
  readonly attributes: number;
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
export function writeAuthorizations(to: Writer, authorizations: readonly Authorization[]): void {
  const area = new Writer();
  for (const { session, value, attributes } of authorizations) {
    area.u32(session).sized(Buffer.alloc(0)).u8(attributes).sized(value);
  }
  const bytes = area.toBuffer();
  to.u32(bytes.length).bytes(bytes);
}

/** Reads and checks the form of the response's authorization area: exactly `count` TPMS_AUTH_RESPONSE. Part 2, 10.13.3. */
export function readAuthorizations(from: Reader, count: number): void {
  for (let i = 0; i < count; i++) {
    from.sized('nonceTPM', 64);
    from.u8('sessionAttributes');
    from.sized('hmac', 64);
  }
  from.end();
}
