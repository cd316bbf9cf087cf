/**
 * One exchange over the page that a guest shares with its TPM: Xen's tpmif protocol, version 2 (xen/io/tpmif.h). The guest
 * can write the page at any time, so every field is read once, and what was read is checked before it is used.
 */

export const PAGE_SIZE = 4096;

/** Offsets in struct tpmif_shared_page. */
const LENGTH = 0;
const STATE = 4;
const LOCALITY = 5;
const EXTRA_PAGES = 7;
const DATA = 8;

/** enum tpmif_state. Only the guest writes SUBMIT and CANCEL, only the backend IDLE and FINISH. */
export const RingState = { idle: 0, submit: 1, finish: 2, cancel: 3 } as const;

/** The longest command or response: pages beyond the first are not taken. */
export const MAX_MESSAGE = PAGE_SIZE - DATA;

/** tag u16, size u32, code u32: TPM 2.0 Library, Part 1, "Command/response structure". */
const HEADER_SIZE = 10;

/** TPM 2.0 Library, Part 2, "TPM_RC". */
const ResponseCode = { commandSize: 0x142, failure: 0x101, locality: 0x907 } as const;

/** Memory that the other side can change between two reads. */
export interface SharedPage {
  /** A copy of `length` bytes at `offset`. */
  read(offset: number, length: number): Buffer;
  write(offset: number, bytes: Uint8Array): void;
}

export type Request =
  /** Nothing was asked. */
  | { kind: 'none' }
  /** The guest took its command back before it was looked at. */
  | { kind: 'cancelled' }
  | { kind: 'command'; command: Buffer }
  /** What the guest wrote is no command for its TPM; the answer says so. */
  | { kind: 'refused'; reason: string; response: Buffer };

/** Takes what the guest has submitted out of the page. */
export function takeRequest(page: SharedPage): Request {
  const header = page.read(0, DATA);
  const state = header.readUInt8(STATE);
  if (state === RingState.cancel) return { kind: 'cancelled' };
  if (state !== RingState.submit) return { kind: 'none' };
  const length = header.readUInt32LE(LENGTH);
  const extra = header.readUInt8(EXTRA_PAGES);
  const locality = header.readUInt8(LOCALITY);
  if (extra !== 0) return refused(ResponseCode.commandSize, `${extra} extra pages`);
  if (length < HEADER_SIZE || length > MAX_MESSAGE) {
    return refused(ResponseCode.commandSize, `a length of ${length}`);
  }
  const command = page.read(DATA, length);
  // swtpm reads a stream: bytes beyond the size would be taken for a second command.
  const size = command.readUInt32BE(2);
  if (size !== length) {
    return refused(ResponseCode.commandSize, `a command of ${size} bytes in ${length}`);
  }
  if (locality !== 0) return refused(ResponseCode.locality, `locality ${locality}`);
  return { kind: 'command', command };
}

/** Puts the response into the page, and then says that it is there. */
export function giveResponse(page: SharedPage, response: Uint8Array): void {
  const fits = response.length <= MAX_MESSAGE;
  const bytes = fits ? response : errorResponse(ResponseCode.failure);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.length);
  page.write(DATA, bytes);
  page.write(LENGTH, length);
  page.write(STATE, Uint8Array.of(RingState.finish));
}

/** Gives the page back without a response. */
export function giveUp(page: SharedPage): void {
  page.write(STATE, Uint8Array.of(RingState.idle));
}

/** What a TPM answers whose emulator is gone. */
export const failureResponse = (): Buffer => errorResponse(ResponseCode.failure);

function refused(code: number, reason: string): Request {
  return { kind: 'refused', reason, response: errorResponse(code) };
}

/** A response without sessions (tag TPM_ST_NO_SESSIONS) that carries nothing but its code. */
function errorResponse(code: number): Buffer {
  const response = Buffer.alloc(HEADER_SIZE);
  response.writeUInt16BE(0x8001, 0);
  response.writeUInt32BE(HEADER_SIZE, 2);
  response.writeUInt32BE(code, 6);
  return response;
}
