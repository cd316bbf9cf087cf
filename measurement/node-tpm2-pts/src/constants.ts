/** TPM_ST, structure tags. TPM 2.0 Library, Part 2, 6.9. */
export const TPM_ST = {
  RSP_COMMAND: 0x00c4,
  NO_SESSIONS: 0x8001,
  SESSIONS: 0x8002,
  ATTEST_NV: 0x8014,
  ATTEST_CERTIFY: 0x8017,
  ATTEST_QUOTE: 0x8018,
  ATTEST_TIME: 0x8019,
  VERIFIED: 0x8022,
  HASHCHECK: 0x8024,
} as const;

/** TPM_RH, permanent handles. Part 2, 7.4. */
export const TPM_RH = {
  OWNER: 0x40000001,
  NULL: 0x40000007,
  PW: 0x40000009,
  LOCKOUT: 0x4000000a,
  ENDORSEMENT: 0x4000000b,
  PLATFORM: 0x4000000c,
} as const;

/** TPM_CAP, what TPM2_GetCapability can list. Part 2, 6.12. */
export const TPM_CAP = {
  ALGS: 0,
  HANDLES: 1,
  COMMANDS: 2,
  PCRS: 5,
  TPM_PROPERTIES: 6,
} as const;

/** TPM_PT, TPM properties. Part 2, 6.13; fixed ones from 0x100, variable ones from 0x200. */
export const TPM_PT = {
  FAMILY_INDICATOR: 0x100,
  LEVEL: 0x101,
  REVISION: 0x102,
  DAY_OF_YEAR: 0x103,
  YEAR: 0x104,
  MANUFACTURER: 0x105,
  VENDOR_STRING_1: 0x106,
  VENDOR_STRING_2: 0x107,
  VENDOR_STRING_3: 0x108,
  VENDOR_STRING_4: 0x109,
  FIRMWARE_VERSION_1: 0x10b,
  FIRMWARE_VERSION_2: 0x10c,
  INPUT_BUFFER: 0x10d,
  PCR_COUNT: 0x112,
  MAX_COMMAND_SIZE: 0x11e,
  MAX_RESPONSE_SIZE: 0x11f,
  MAX_DIGEST: 0x120,
  NV_BUFFER_MAX: 0x12c,
  PERMANENT: 0x200,
  STARTUP_CLEAR: 0x201,
} as const;

/** TPMA_PERMANENT, the value of TPM_PT.PERMANENT. Part 2, 8.6. */
export const TPMA_PERMANENT = {
  OWNER_AUTH_SET: 1 << 0,
  ENDORSEMENT_AUTH_SET: 1 << 1,
  LOCKOUT_AUTH_SET: 1 << 2,
  DISABLE_CLEAR: 1 << 8,
  IN_LOCKOUT: 1 << 9,
} as const;

/** TPMA_STARTUP_CLEAR, the value of TPM_PT.STARTUP_CLEAR: which hierarchies are enabled. Part 2, 8.7. */
export const TPMA_STARTUP_CLEAR = {
  PH_ENABLE: 1 << 0,
  SH_ENABLE: 1 << 1,
  EH_ENABLE: 1 << 2,
} as const;

/** TPM_SU, the argument of Startup and Shutdown. Part 2, 6.10. */
export const TPM_SU = { CLEAR: 0x0000, STATE: 0x0001 } as const;

/** TPM_ALG_ID of everything but hashes. TCG Algorithm Registry, 6.10; Part 2, 6.3. */
export const TPM_ALG = {
  RSA: 0x0001,
  AES: 0x0006,
  KEYEDHASH: 0x0008,
  NULL: 0x0010,
  RSASSA: 0x0014,
  RSAPSS: 0x0016,
  ECDSA: 0x0018,
  ECC: 0x0023,
  CFB: 0x0043,
} as const;

/** TPMA_OBJECT, object attributes. Part 2, 8.3. */
export const TPMA_OBJECT = {
  FIXED_TPM: 1 << 1,
  FIXED_PARENT: 1 << 4,
  SENSITIVE_DATA_ORIGIN: 1 << 5,
  USER_WITH_AUTH: 1 << 6,
  ADMIN_WITH_POLICY: 1 << 7,
  NO_DA: 1 << 10,
  RESTRICTED: 1 << 16,
  DECRYPT: 1 << 17,
  SIGN: 1 << 18,
} as const;

/** TPMA_NV, attributes of NV indices. Part 2, 13.4. Bits 4 to 7 are the type, TPM_NT. */
export const TPMA_NV = {
  OWNER_WRITE: 1 << 1,
  AUTH_WRITE: 1 << 2,
  POLICY_WRITE: 1 << 3,
  COUNTER: 1 << 4,
  EXTEND: 4 << 4,
  OWNER_READ: 1 << 17,
  AUTH_READ: 1 << 18,
  POLICY_READ: 1 << 19,
  NO_DA: 1 << 25,
  WRITTEN: 1 << 29,
  PLATFORM_CREATE: 1 << 30,
} as const;
