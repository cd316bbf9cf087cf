import {
  akTemplate,
  createAk,
  decodePublic,
  digest,
  encodePublic,
  flushContext,
  handles,
  type LoadedObject,
  readPublic,
  TPM_RH,
  type Tpm,
  TpmFormatError,
  Writer,
} from 'node-tpm2-pts';
import { MeasurementError } from '../errors.ts';
import type { MissingKey } from '../events.ts';
import { endorsementState, type HierarchyValues, withHierarchies } from './hierarchies.ts';

/** The AK's parent as its qualified name has it. */
export const AK_PARENT: Buffer = new Writer().u32(TPM_RH.ENDORSEMENT).toBuffer();

/**
 * Where the AK is kept for those that may not make it. TCG Registry of Reserved TPM 2.0 Handles and Localities 1.2, 2.3.1: the block
 * 0x8101xxxx is for keys of the endorsement hierarchy, and the first 256 of it for endorsement keys themselves.
 */
export const AK_HANDLE = 0x8101d0b0;

/** Each reason for people, and what to do. */
export const missingKeys: Readonly<Record<MissingKey, { says: string; hint: string }>> = {
  authorization: {
    says: `the endorsement hierarchy has an authorization value, and at 0x${AK_HANDLE.toString(16)} no attestation key of ours is kept`,
    hint: 'have the TPM keep it, with "domb enroll persist" in dom0; commands there take the value with --endorsement-auth',
  },
  disabled: {
    says: 'the endorsement hierarchy is disabled',
    hint: "enable it in the firmware's set-up",
  },
  lockout: {
    says: 'the TPM is locked after failed authorizations',
    hint: 'wait until it unlocks by itself, or unlock it with "tpm2_dictionarylockout --clear-lockout"',
  },
};

/** The AK, to use until it is closed. */
export interface AttestationKey extends LoadedObject {
  /** It is kept by the TPM, not made anew. */
  readonly persistent: boolean;
}

/**
 * The AK: made with `values`, or without one if the hierarchy has none; else the one that the TPM keeps, if it is the same. Nothing
 * is tried that might fail for its authorization. Pass it to {@link closeAttestationKey}.
 */
export async function openAttestationKey(
  tpm: Tpm,
  { endorsement }: HierarchyValues = {},
): Promise<AttestationKey | MissingKey> {
  const { authorized, disabled, lockout } = await endorsementState(tpm);
  if (disabled) return 'disabled';
  if (lockout) return 'lockout';
  if (authorized && !endorsement?.length) return (await keptKey(tpm)) ?? 'authorization';
  const values = authorized && endorsement ? { endorsement } : {};
  return withHierarchies(tpm, values, async (authorize) => {
    const made = await createAk(tpm, 'ecc-p256', authorize('endorsement'));
    return { ...made, persistent: false };
  });
}

/** Flushes the key, unless the TPM keeps it. */
export async function closeAttestationKey(tpm: Tpm, key: AttestationKey): Promise<void> {
  if (!key.persistent) await flushContext(tpm, key.handle);
}

/**
 * Runs `use` with the AK.
 * @throws {MeasurementError} when there is none
 */
export async function withAttestationKey<T>(
  tpm: Tpm,
  values: HierarchyValues,
  use: (key: AttestationKey) => Promise<T>,
): Promise<T> {
  const key = await openAttestationKey(tpm, values);
  if (typeof key === 'string') {
    const { says, hint } = missingKeys[key];
    throw new MeasurementError(`${tpm.description}: there is no attestation key: ${says}`, hint);
  }
  try {
    return await use(key);
  } finally {
    await closeAttestationKey(tpm, key);
  }
}

/** The AK that the TPM keeps; undefined where the handle is free, or has anything else. */
export async function keptKey(tpm: Tpm): Promise<AttestationKey | undefined> {
  const [first] = await handles(tpm, AK_HANDLE);
  if (first !== AK_HANDLE) return undefined;
  const { publicArea, name, qualifiedName } = await readPublic(tpm, AK_HANDLE);
  const primary = Buffer.concat([name.subarray(0, 2), digest('sha256', AK_PARENT, name)]);
  const same = isFromTemplate(publicArea) && qualifiedName.equals(primary);
  return same ? { handle: AK_HANDLE, publicArea, name, persistent: true } : undefined;
}

/** Everything but the point itself is what the template says: attributes, policy, scheme. */
function isFromTemplate(publicArea: Buffer): boolean {
  const template = akTemplate('ecc-p256');
  try {
    const { key } = decodePublic(publicArea);
    if (key.type !== 'ecc' || template.key.type !== 'ecc') return false;
    const { x, y } = key;
    return encodePublic({ ...template, key: { ...template.key, x, y } }).equals(publicArea);
  } catch (error) {
    // Objects of kinds that are not known here.
    if (error instanceof TpmFormatError) return false;
    throw error;
  }
}
