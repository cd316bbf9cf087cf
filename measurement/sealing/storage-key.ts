import {
  createPrimary,
  decodePublic,
  encodePublic,
  flushContext,
  handles,
  type KeyType,
  type LoadedObject,
  objectName,
  type PublicArea,
  readPublic,
  srkTemplate,
  TPM_PT,
  TPM_RH,
  TPMA_PERMANENT,
  type Tpm,
  tpmProperties,
} from 'node-tpm2-pts';
import { MeasurementError } from '../errors.ts';
import { type HierarchyValues, withHierarchies } from '../keys/hierarchies.ts';

/** Where a platform keeps its storage root key. TCG TPM 2.0 Provisioning Guidance 1.0, 7.8, table 2. */
const SRK_HANDLE = 0x81000001;
const KEY_TYPES: readonly KeyType[] = ['ecc-p256', 'rsa-2048'];
const NONE = Buffer.alloc(0);

/** The owner hierarchy's authorization value, for where a key has to be made. */
export type OwnerValue = Pick<HierarchyValues, 'owner'>;

/**
 * Runs `use` with a storage root key: the persistent one of the platform where it is of the usual form, else one that is made
 * from the owner's seed, and is the same each time. With `wanted`, a TPMT_PUBLIC, it must be that key.
 * @throws {MeasurementError} when this TPM does not have the wanted key
 */
export async function withStorageKey<T>(
  tpm: Tpm,
  { wanted, owner }: OwnerValue & { wanted?: Buffer },
  use: (key: LoadedObject) => Promise<T>,
): Promise<T> {
  const persistent = await persistentKey(tpm);
  const fits = (area: Buffer) => wanted === undefined || area.equals(wanted);
  if (persistent !== undefined && fits(persistent.publicArea)) return use(persistent);
  const values = await ownerValue(tpm, owner);
  const made = await withHierarchies(tpm, values, (authorize) =>
    createPrimary(tpm, TPM_RH.OWNER, srkTemplate(keyType(wanted)), {
      authorization: authorize('owner'),
    }),
  );
  try {
    if (fits(made.publicArea)) return await use(made);
  } finally {
    await flushContext(tpm, made.handle);
  }
  throw new MeasurementError(
    `${tpm.description}: this TPM does not have the storage key that the secret was sealed under`,
    'it is another TPM, or its owner was cleared since: open what the secret is for in another way, and seal anew',
  );
}

/** The value where the hierarchy has one: nothing is tried that would fail. */
async function ownerValue(tpm: Tpm, owner: Uint8Array | undefined): Promise<OwnerValue> {
  const permanent = (await tpmProperties(tpm, TPM_PT.PERMANENT)).get(TPM_PT.PERMANENT) ?? 0;
  if ((permanent & TPMA_PERMANENT.OWNER_AUTH_SET) === 0) return {};
  if (owner?.length) return { owner };
  throw new MeasurementError(
    `${tpm.description}: the owner hierarchy has an authorization value, and the storage key is not kept at 0x${SRK_HANDLE.toString(16)}`,
    'give the value (--owner-auth), or have the TPM keep the storage key with tpm2_evictcontrol',
  );
}

/** The platform's storage root key, where it has one and that is a storage key of this TPM alone. */
async function persistentKey(tpm: Tpm): Promise<LoadedObject | undefined> {
  if (!(await handles(tpm, SRK_HANDLE)).includes(SRK_HANDLE)) return undefined;
  const { publicArea, name } = await readPublic(tpm, SRK_HANDLE);
  return isStorageKey(publicArea) && objectName(publicArea).equals(name)
    ? { handle: SRK_HANDLE, publicArea, name }
    : undefined;
}

/** Whether a TPMT_PUBLIC is a storage root key of the usual template, whatever its key is. */
export function isStorageKey(area: Buffer): boolean {
  try {
    const given = withoutKey(decodePublic(area));
    return KEY_TYPES.some((type) => given.equals(withoutKey(srkTemplate(type))));
  } catch {
    return false;
  }
}

function withoutKey(area: PublicArea): Buffer {
  const { key } = area;
  if (key.type === 'ecc') return encodePublic({ ...area, key: { ...key, x: NONE, y: NONE } });
  if (key.type === 'rsa') return encodePublic({ ...area, key: { ...key, modulus: NONE } });
  return encodePublic(area);
}

function keyType(wanted: Buffer | undefined): KeyType {
  const isRsa = wanted !== undefined && decodePublic(wanted).key.type === 'rsa';
  return isRsa ? 'rsa-2048' : 'ecc-p256';
}
