import {
  type Authorization,
  createPrimary,
  flushContext,
  type HmacSession,
  password,
  srkTemplate,
  startHmacSession,
  TPM_PT,
  TPM_RH,
  TPMA_PERMANENT,
  TPMA_STARTUP_CLEAR,
  type Tpm,
  tpmProperties,
} from 'node-tpm2-pts';

/** Authorization values of hierarchies; of one that is left out it is empty. */
export interface HierarchyValues {
  readonly endorsement?: Uint8Array;
  readonly owner?: Uint8Array;
}

/** What authorizes a hierarchy in one command. */
export type Authorize = (hierarchy: keyof HierarchyValues) => Authorization;

/**
 * Runs `use` with what authorizes hierarchies by `values`: through an HMAC session, so that no value crosses the bus. The session is
 * salted by a key of the NULL hierarchy, which needs no authorization: who only listens can't try values against its HMACs
 * either. (Who puts a key of his own in that place can.) `use` gets the room of a TPM that holds three objects.
 */
export async function withHierarchies<T>(
  tpm: Tpm,
  values: HierarchyValues,
  use: (authorize: Authorize) => Promise<T>,
): Promise<T> {
  if (!values.endorsement?.length && !values.owner?.length) return use(() => password());
  const session = await saltedSession(tpm);
  try {
    return await use((hierarchy) => {
      const value = values[hierarchy];
      return value?.length ? session.authorize(value) : password();
    });
  } finally {
    await flushContext(tpm, session.handle);
  }
}

/** The key is not needed once its session has started; the next object may get its handle. */
async function saltedSession(tpm: Tpm): Promise<HmacSession> {
  const key = await createPrimary(tpm, TPM_RH.NULL, srkTemplate('ecc-p256'));
  try {
    const session = await startHmacSession(tpm, key);
    session.names.delete(key.handle);
    return session;
  } finally {
    await flushContext(tpm, key.handle);
  }
}

/** What keeps keys of the endorsement hierarchy from being used without anything being asked for. */
export interface EndorsementState {
  /** It has an authorization value. */
  readonly authorized: boolean;
  /** Firmware or the owner has switched it off; its persistent keys are gone with it. */
  readonly disabled: boolean;
  /** Too many failed authorizations: keys that are protected by the lockout, as attestation keys are, can't be used now. */
  readonly lockout: boolean;
}

/** Reads it off the TPM's properties: a failed attempt would show less. TPM 2.0 Library, Part 2, 8.6 and 8.7. */
export async function endorsementState(tpm: Tpm): Promise<EndorsementState> {
  const properties = await tpmProperties(tpm, TPM_PT.PERMANENT);
  const permanent = properties.get(TPM_PT.PERMANENT) ?? 0;
  const startup = properties.get(TPM_PT.STARTUP_CLEAR) ?? TPMA_STARTUP_CLEAR.EH_ENABLE;
  return {
    authorized: (permanent & TPMA_PERMANENT.ENDORSEMENT_AUTH_SET) !== 0,
    disabled: (startup & TPMA_STARTUP_CLEAR.EH_ENABLE) === 0,
    lockout: (permanent & TPMA_PERMANENT.IN_LOCKOUT) !== 0,
  };
}
