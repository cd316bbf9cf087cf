import { FORMAT_ONE, FORMAT_ZERO, RC_HINTS, WARNINGS } from './response-code-table.ts';

/** A TPM_RC taken apart. TPM 2.0 Library, Part 1, "Response code details" and Part 2, 6.6. */
export interface ResponseCode {
  readonly code: number;
  /** Symbolic name, for example `TPM_RC_LOCALITY`; `unknown` for a number the specification does not list. */
  readonly name: string;
  /** Who answered: the TPM, or software between us and it (bits 16 to 23, as the TSS assigns them). */
  readonly layer: string;
  /** What a format-one code is about; numbers start at 1, and 0 means that the TPM named none. */
  readonly subject?: { readonly kind: 'handle' | 'parameter' | 'session'; readonly number: number };
  /** One line for people: name, number, subject. */
  readonly text: string;
  readonly hint: string;
}

export const TPM_RC_SUCCESS = 0;
export const TPM_RC_INITIALIZE = 0x100;
export const TPM_RC_YIELDED = 0x908;
export const TPM_RC_TESTING = 0x90a;
export const TPM_RC_RETRY = 0x922;

/** Codes that mean "send the same command again". Part 3, "Responses", and Part 2, 6.6.3. */
export const RETRY_CODES: readonly number[] = [TPM_RC_RETRY, TPM_RC_YIELDED, TPM_RC_TESTING];

/** Layers of TSS2_RC (TCG TSS 2.0 Overview, 2.3) that can stand between a program and the TPM. */
const LAYERS: Readonly<Record<number, string>> = {
  0: 'TPM',
  10: 'TCTI',
  11: 'resource manager, on behalf of the TPM',
  12: 'resource manager',
};

type Taken = Pick<ResponseCode, 'name' | 'subject'>;

/** Decodes a response code; never fails, whatever the number. */
export function decodeResponseCode(code: number): ResponseCode {
  const layer = LAYERS[(code >>> 16) & 0xff] ?? `layer ${(code >>> 16) & 0xff}`;
  const low = code & 0xffff;
  const { name, subject } = low & 0x80 ? formatOne(low) : formatZero(low);
  const about = subject?.number ? `, ${subject.kind} ${subject.number}` : '';
  const from = layer === 'TPM' ? '' : `, from ${layer}`;
  return {
    code,
    name,
    layer,
    ...(subject ? { subject } : {}),
    text: `${name} (0x${code.toString(16).padStart(3, '0')}${about}${from})`,
    hint: RC_HINTS[name] ?? 'see the TPM 2.0 Library specification, part 2, 6.6.3, for this code',
  };
}

/** Format zero: bit 7 clear; bit 8 TPM 2.0, bit 10 vendor defined, bit 11 warning, bits 0 to 6 number. */
function formatZero(code: number): Taken {
  if (code === TPM_RC_SUCCESS) return { name: 'TPM_RC_SUCCESS' };
  if (code === 0x1e) return { name: 'TPM_RC_BAD_TAG' };
  if (code > 0xfff || !(code & 0x100)) return { name: 'unknown' };
  if (code & 0x400) return { name: 'vendor defined' };
  const table = code & 0x800 ? WARNINGS : FORMAT_ZERO;
  const name = table[code & 0x7f];
  return { name: name === undefined || code & 0x200 ? 'unknown' : `TPM_RC_${name}` };
}

/** Format one: bit 7 set; bits 0 to 5 number, bit 6 parameter, bits 8 to 11 its number or, without bit 6, bit 11 session. */
function formatOne(code: number): Taken {
  const number = (code >>> 8) & 0xf;
  const subject =
    code & 0x40
      ? ({ kind: 'parameter', number } as const)
      : number & 0x8
        ? ({ kind: 'session', number: number & 0x7 } as const)
        : ({ kind: 'handle', number } as const);
  const name = code > 0xfff ? undefined : FORMAT_ONE[code & 0x3f];
  return { name: name === undefined ? 'unknown' : `TPM_RC_${name}`, subject };
}
