import { TPMA_OBJECT } from './constants.ts';
import type { PublicArea } from './structures/public.ts';

const {
  FIXED_TPM,
  FIXED_PARENT,
  SENSITIVE_DATA_ORIGIN,
  USER_WITH_AUTH,
  ADMIN_WITH_POLICY,
  NO_DA,
  RESTRICTED,
  DECRYPT,
  SIGN,
} = TPMA_OBJECT;
const NONE = Buffer.alloc(0);

export type KeyType = 'ecc-p256' | 'rsa-2048';
/** Endorsement keys that manufacturers certify. */
export type EkType = KeyType | 'ecc-p384';

const GENERATED_HERE = FIXED_TPM | FIXED_PARENT | SENSITIVE_DATA_ORIGIN;

/** PolicySecret(TPM_RH_ENDORSEMENT) with SHA-256. TCG EK Credential Profile 2.0, B.6.2, "PolicyA". */
const EK_POLICY = Buffer.from(
  '837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa',
  'hex',
);

/** PolicySecret(TPM_RH_ENDORSEMENT) or PolicyAuthorizeNV, with SHA-384. The same, 2.5, B.6.5, "PolicyB". */
const EK_POLICY_B = Buffer.from(
  'b26e7d28d11a50bc53d882bcf5fd3a1a074148bb35d3b4e4cb1c0ad9bde419cacb47ba09699646150f9fc000f3f80e12',
  'hex',
);

/**
 * An attestation key: restricted, so that it signs nothing that the TPM did not make itself, and bound to this TPM.
 * ECDSA P-256 or RSASSA 2048, both with SHA-256.
 */
export function akTemplate(type: KeyType): PublicArea {
  return {
    nameAlgorithm: 'sha256',
    attributes: GENERATED_HERE | USER_WITH_AUTH | RESTRICTED | SIGN,
    authPolicy: NONE,
    key:
      type === 'ecc-p256'
        ? { ...ecc(undefined, NONE), signing: { scheme: 'ecdsa', hash: 'sha256' } }
        : { ...rsa(undefined, NONE), signing: { scheme: 'rsassa', hash: 'sha256' } },
  };
}

/**
 * An attestation key that signs only for whoever satisfies `policy`, and for no password. Without ADMIN_WITH_POLICY: a policy
 * that TPM2_Certify takes would have to name that command (Part 1, "ADMIN Role"), and then allow no other.
 * @param policy digest, with SHA-256
 */
export function policyAkTemplate(policy: Buffer, type: KeyType = 'ecc-p256'): PublicArea {
  const attributes = GENERATED_HERE | NO_DA | RESTRICTED | SIGN;
  return { ...akTemplate(type), attributes, authPolicy: policy };
}

/**
 * The endorsement key that a manufacturer's certificate is about: templates L-1 and L-2 (EK Credential Profile 2.0, B.3), and
 * H-3 for P-384 (2.5, B.4), whose password, empty by default, authorizes its use too.
 */
export function ekTemplate(type: EkType): PublicArea {
  if (type === 'ecc-p384') {
    return {
      nameAlgorithm: 'sha384',
      attributes: GENERATED_HERE | USER_WITH_AUTH | ADMIN_WITH_POLICY | RESTRICTED | DECRYPT,
      authPolicy: EK_POLICY_B,
      key: { ...ecc(256, NONE), curve: 'P-384' },
    };
  }
  return {
    nameAlgorithm: 'sha256',
    attributes: GENERATED_HERE | ADMIN_WITH_POLICY | RESTRICTED | DECRYPT,
    authPolicy: EK_POLICY,
    key: type === 'ecc-p256' ? ecc(128, Buffer.alloc(32)) : rsa(128, Buffer.alloc(256)),
  };
}

/** A storage root key. TCG TPM 2.0 Provisioning Guidance, 7.5.1. */
export function srkTemplate(type: KeyType): PublicArea {
  return {
    nameAlgorithm: 'sha256',
    attributes: GENERATED_HERE | USER_WITH_AUTH | NO_DA | RESTRICTED | DECRYPT,
    authPolicy: NONE,
    key: type === 'ecc-p256' ? ecc(128, Buffer.alloc(32)) : rsa(128, Buffer.alloc(256)),
  };
}

/** Sealed data that only `policy` opens: no password does, and failed attempts do not lock the TPM. */
export function sealedTemplate(policy: Buffer): PublicArea {
  return {
    nameAlgorithm: 'sha256',
    attributes: FIXED_TPM | FIXED_PARENT | NO_DA,
    authPolicy: policy,
    key: { type: 'keyedhash', unique: NONE },
  };
}

function ecc(aesBits: number | undefined, unique: Buffer) {
  return {
    type: 'ecc',
    curve: 'P-256',
    x: unique,
    y: unique,
    aesBits,
    signing: undefined,
  } as const;
}

function rsa(aesBits: number | undefined, unique: Buffer) {
  return {
    type: 'rsa',
    bits: 2048,
    exponent: 0,
    modulus: unique,
    aesBits,
    signing: undefined,
  } as const;
}
