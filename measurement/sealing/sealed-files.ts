import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodePublic, type WrappedObject, Writer } from 'node-tpm2-pts';
import { MeasurementError } from '../errors.ts';
import { readBounded } from '../read-bounded.ts';
import { readApproval, type StateApproval } from './approval.ts';
import { isApprover } from './approver-key.ts';
import { type Branch, sealedPolicy } from './sealed-policy.ts';
import {
  damaged,
  isMembers,
  MAX_STORED_SIZE,
  readHex,
  readLabel,
  readSourceName,
  readStored,
  readStoredValues,
  storedFile,
  storedValues,
} from './stored.ts';

/** A sealed secret, outside of the TPM. */
export interface SealedSecret {
  readonly object: WrappedObject;
  /** TPMT_PUBLIC of the storage key that it is encrypted for. */
  readonly parent: Buffer;
  readonly branches: readonly Branch[];
}

/** File names; tpm2-tools take all but the last as they are. */
const FILES = {
  publicArea: 'sealed.pub',
  privateArea: 'sealed.priv',
  parent: 'parent.pub',
  branches: 'sealed.json',
} as const;
/** Approvals that lie beside a sealed secret are found by this end of their names. */
const APPROVAL_SUFFIX = '.approval';

const KIND = { format: 'domb-sealed', version: 1, names: ['branches'] } as const;

/** Writes a sealed secret as a directory, which must not hold another one: that may be the only way to a disk. */
export async function writeSealed(
  directory: string,
  { object, parent, branches }: SealedSecret,
): Promise<void> {
  await mkdir(directory, { recursive: true });
  const list = branches.map((branch) =>
    'values' in branch
      ? { source: branch.source, pcrs: storedValues(branch.values) }
      : { approver: branch.approver.toString('hex'), label: branch.label },
  );
  const file = (name: string, bytes: Uint8Array | string) =>
    writeFile(join(directory, name), bytes, { flag: 'wx' });
  await file(FILES.publicArea, sized(object.publicArea));
  await file(FILES.privateArea, sized(object.privateArea));
  await file(FILES.parent, sized(parent));
  await file(FILES.branches, storedFile(KIND.format, KIND.version, { branches: list }));
}

/**
 * Reads what {@link writeSealed} wrote.
 * @throws {MeasurementError} for files that are damaged or do not belong together
 */
export async function readSealed(directory: string): Promise<SealedSecret> {
  const object = {
    publicArea: await readSized(directory, FILES.publicArea),
    privateArea: await readSized(directory, FILES.privateArea),
  };
  const parent = await readSized(directory, FILES.parent);
  const branches = await readNamed(directory, FILES.branches, readBranches);
  const { authPolicy } = decodePublic(object.publicArea);
  if (!sealedPolicy(branches).equals(authPolicy)) {
    throw new MeasurementError(
      `${directory}: ${FILES.branches} is not about the secret in ${FILES.publicArea}`,
      'take all files from where they were made',
    );
  }
  return { object, parent, branches };
}

/** What lies beside a sealed secret. */
export interface Approvals {
  readonly approvals: readonly StateApproval[];
  /** What is wrong with others: they must not keep a state from opening the secret. */
  readonly problems: readonly string[];
}

/** The approvals that lie beside a sealed secret. */
export async function readApprovals(directory: string): Promise<Approvals> {
  const names = (await readdir(directory)).filter((name) => name.endsWith(APPROVAL_SUFFIX));
  const read = await Promise.allSettled(
    names.sort().map((name) => readNamed(directory, name, readApproval)),
  );
  return {
    approvals: read.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : [])),
    problems: read.flatMap((each) =>
      each.status === 'rejected' ? [(each.reason as Error).message] : [],
    ),
  };
}

function readBranches(bytes: Buffer): Branch[] {
  const { branches } = readStored(bytes, KIND);
  if (!Array.isArray(branches)) throw damaged('branches is no list');
  return branches.map((branch: unknown) => {
    if (!isMembers(branch)) throw damaged('a branch is no object');
    if ('pcrs' in branch) {
      return {
        source: readSourceName(branch.source, 'source'),
        values: readStoredValues(branch.pcrs),
      };
    }
    const approver = readHex(branch.approver, 'approver');
    if (!isApprover(approver)) throw damaged('approver is no key that approves');
    return { approver, label: readLabel(branch.label) };
  });
}

/** Reads a file, and says of which one it is what is wrong with it. */
async function readNamed<T>(
  directory: string,
  name: string,
  read: (bytes: Buffer) => T,
): Promise<T> {
  const path = join(directory, name);
  const bytes = await readBounded(path, MAX_STORED_SIZE);
  try {
    return read(bytes);
  } catch (error) {
    if (!(error instanceof MeasurementError)) throw error;
    throw new MeasurementError(`${path}: ${error.message}`, error.hint, { cause: error });
  }
}

const sized = (bytes: Buffer) => new Writer().sized(bytes).toBuffer();

/** The contents of a TPM2B. */
function readSized(directory: string, name: string): Promise<Buffer> {
  return readNamed(directory, name, (bytes) => {
    if (bytes.length < 3 || bytes.readUInt16BE(0) !== bytes.length - 2) {
      throw damaged('its size is not the one that it says');
    }
    return bytes.subarray(2);
  });
}
