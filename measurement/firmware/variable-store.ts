import { MeasurementError } from '../errors.ts';
import { guid } from '../formats/firmware/guid.ts';

/** A variable of firmware. */
export interface StoredVariable {
  /** GUID of its owner. */
  readonly owner: string;
  readonly name: string;
  readonly data: Buffer;
}

/** EFI_FIRMWARE_VOLUME_HEADER: where its file system's GUID, its length and its own size stand. PI 1.8, volume 3, 3.2.1. */
const VOLUME = { fileSystem: 16, length: 32, signature: 40, headerLength: 48, least: 56 };
/** gEfiSystemNvDataFvGuid (EDK II, MdeModulePkg): a volume of variables. */
const VARIABLES_VOLUME = 'fff12b8d-7696-4c8b-a985-2747075b4f50';

/** VARIABLE_STORE_HEADER: GUID, size, format, state, reserved. EDK II, MdeModulePkg/Include/Guid/VariableFormat.h. */
const STORE_HEADER = 28;
/** gEfiAuthenticatedVariableGuid: variables with the times of their updates, as all that know Secure Boot have them. */
const AUTHENTICATED = 'aaf32c78-947b-439a-a180-2e144ec37792';
const [FORMATTED, HEALTHY] = [0x5a, 0xfe];

/** AUTHENTICATED_VARIABLE_HEADER, in the same file. */
const VARIABLE = { state: 2, nameSize: 36, dataSize: 40, owner: 44, size: 60 };
const START = 0x55aa;
/** VAR_ADDED, and that while its successor is written: bits are cleared one after the other. */
const [ADDED, IN_DELETED_TRANSITION] = [0x3f, 0x3e];
/** HEADER_ALIGNMENT. */
const ALIGNMENT = 4;

/** Whether a file begins as a firmware volume does. */
export function isVariableStore(bytes: Buffer): boolean {
  const { signature, least } = VOLUME;
  return bytes.length >= least && bytes.toString('latin1', signature, signature + 4) === '_FVH';
}

/**
 * The variables in a variable store of EDK II, such as OVMF's `OVMF_VARS_4M.fd` or the copy that a machine of QEMU has.
 * @throws {MeasurementError} for anything else
 */
export function readVariableStore(bytes: Buffer): StoredVariable[] {
  if (!isVariableStore(bytes)) throw refused('it does not begin with a firmware volume');
  if (guidAt(bytes, VOLUME.fileSystem) !== VARIABLES_VOLUME) {
    throw refused('its firmware volume is not one of variables');
  }
  const start = bytes.readUInt16LE(VOLUME.headerLength);
  if (start + STORE_HEADER > bytes.length) throw refused('the store is cut off');
  if (guidAt(bytes, start) !== AUTHENTICATED) {
    throw refused('its variables are not authenticated ones');
  }
  const size = bytes.readUInt32LE(start + 16);
  if (size < STORE_HEADER || start + size > bytes.length) throw refused('the store is cut off');
  if (bytes[start + 20] !== FORMATTED || bytes[start + 21] !== HEALTHY) {
    throw refused('the store is not formatted');
  }
  return [...variablesIn(bytes.subarray(start, start + size))];
}

function* variablesIn(store: Buffer): Generator<StoredVariable, void> {
  for (let at = STORE_HEADER; at + VARIABLE.size <= store.length; ) {
    if (store.readUInt16LE(at) !== START) return;
    const nameSize = store.readUInt32LE(at + VARIABLE.nameSize);
    const dataSize = store.readUInt32LE(at + VARIABLE.dataSize);
    const data = at + VARIABLE.size + nameSize;
    const end = data + dataSize;
    if (end > store.length) throw refused('a variable is cut off');
    const state = store[at + VARIABLE.state];
    if (state === ADDED || state === IN_DELETED_TRANSITION) {
      const name = store.toString('utf16le', at + VARIABLE.size, data).replace(/\0.*$/s, '');
      const owner = guidAt(store, at + VARIABLE.owner);
      yield { owner, name, data: store.subarray(data, end) };
    }
    at = Math.ceil(end / ALIGNMENT) * ALIGNMENT;
  }
}

const guidAt = (bytes: Buffer, at: number) => guid(bytes.subarray(at, at + 16));

function refused(what: string): MeasurementError {
  return new MeasurementError(
    `not a variable store of UEFI firmware: ${what}`,
    'give the .fd file with the variables, such as OVMF_VARS_4M.fd, not that with the code',
  );
}
