import { type Authorization, password } from '../authorization.ts';
import { Writer } from '../codec/writer.ts';
import { TPM_PT, TPM_RH } from '../constants.ts';
import type { HmacSession, ParameterEncryption } from '../hmac-session.ts';
import { decodeNvPublic, encodeNvPublic, type NvPublic, nvName } from '../structures/nv-public.ts';
import type { Tpm } from '../tpm.ts';
import { tpmProperties } from './capability.ts';

/** How much one NV_Read or NV_Write carries on any TPM, where TPM_PT_NV_BUFFER_MAX is not told. */
const SMALLEST_BUFFER = 512;

export interface NvAccess {
  /** Whose authorization is used: the index itself (default), TPM_RH.OWNER or TPM_RH.PLATFORM. */
  by?: number;
  /** Default: the empty password. */
  authorization?: Authorization;
  /** A session that encrypts what is read or written on its way; for authorizations that do not do so themselves. */
  secure?: HmacSession;
}

/** The authorization, and behind it the session that encrypts. */
function authorizationsOf(
  { authorization = password(), secure }: NvAccess,
  encryption: ParameterEncryption,
): Authorization[] {
  return secure ? [authorization, secure.protect(encryption)] : [authorization];
}

/** TPM2_NV_ReadPublic (Part 3, 31.6). */
export async function nvReadPublic(tpm: Tpm, index: number): Promise<NvPublic> {
  const response = await tpm.execute({ command: 'NV_ReadPublic', handles: [index] });
  const area = decodeNvPublic(response.sized('nvPublic'));
  response.sized('nvName', 66);
  response.end();
  if (area.index !== index) throw response.error(`index 0x${area.index.toString(16)} came`);
  return area;
}

/**
 * The name of an NV index, what policies and attestations know it by. Part 1, "Names". It changes with the first write, which
 * sets TPMA_NV_WRITTEN.
 */
export async function nvReadName(tpm: Tpm, index: number): Promise<Buffer> {
  return nvName(await nvReadPublic(tpm, index));
}

/** TPM2_NV_Read (Part 3, 31.13), as often as needed: all data of the index, or `size` bytes from `offset`. */
export async function nvRead(
  tpm: Tpm,
  index: number,
  range: { offset?: number; size?: number } = {},
  access: NvAccess = {},
): Promise<Buffer> {
  const offset = range.offset ?? 0;
  const size = range.size ?? (await nvReadPublic(tpm, index)).size - offset;
  if (size < 0) throw new RangeError(`offset ${offset} is beyond the end of the NV index`);
  const step = await bufferSize(tpm);
  const parts: Buffer[] = [];
  for (let done = 0; done < size; ) {
    const wanted = Math.min(step, size - done);
    const response = await tpm.execute({
      command: 'NV_Read',
      handles: [access.by ?? index, index],
      authorizations: authorizationsOf(access, { response: true }),
      parameters: new Writer().u16(wanted).u16(offset + done),
    });
    const part = Buffer.from(response.sized('data', wanted));
    response.end();
    if (part.length !== wanted) throw response.error(`${part.length} of ${wanted} bytes came`);
    parts.push(part);
    done += wanted;
  }
  return Buffer.concat(parts);
}

/** TPM2_NV_Write (Part 3, 31.7), as often as needed. */
export async function nvWrite(
  tpm: Tpm,
  index: number,
  data: Uint8Array,
  offset = 0,
  access: NvAccess = {},
): Promise<void> {
  const step = await bufferSize(tpm);
  for (let done = 0; done === 0 || done < data.length; done += step) {
    const response = await tpm.execute({
      command: 'NV_Write',
      handles: [access.by ?? index, index],
      authorizations: authorizationsOf(access, { command: true }),
      parameters: new Writer().sized(data.subarray(done, done + step)).u16(offset + done),
    });
    response.end();
  }
}

/**
 * TPM2_NV_Extend (Part 3, 31.9): an index of type extend becomes the hash, by its name algorithm, of what it holds and `data`. The first
 * time it holds zeros.
 */
export async function nvExtend(
  tpm: Tpm,
  index: number,
  data: Uint8Array,
  access: NvAccess = {},
): Promise<void> {
  const response = await tpm.execute({
    command: 'NV_Extend',
    handles: [access.by ?? index, index],
    authorizations: authorizationsOf(access, { command: true }),
    parameters: new Writer().sized(data),
  });
  response.end();
}

/** TPM2_NV_WriteLock (Part 3, 31.11): nobody writes the index any more; for good, where it has TPMA_NV_WRITEDEFINE. */
export async function nvWriteLock(tpm: Tpm, index: number, access: NvAccess = {}): Promise<void> {
  const response = await tpm.execute({
    command: 'NV_WriteLock',
    handles: [access.by ?? index, index],
    authorizations: [access.authorization ?? password()],
  });
  response.end();
}

/** TPM2_NV_Increment (Part 3, 31.8): counts an index of type counter up by one; the first time also initializes it. */
export async function nvIncrement(tpm: Tpm, index: number, access: NvAccess = {}): Promise<void> {
  const response = await tpm.execute({
    command: 'NV_Increment',
    handles: [access.by ?? index, index],
    authorizations: [access.authorization ?? password()],
  });
  response.end();
}

/**
 * TPM2_NV_DefineSpace (Part 3, 31.3) by the owner, or by who `by` says. `password` becomes the index's own authorization, `owner` is
 * that of who defines it.
 */
export async function nvDefine(
  tpm: Tpm,
  area: NvPublic,
  options: { password?: Uint8Array; owner?: Authorization; by?: number } = {},
): Promise<void> {
  const response = await tpm.execute({
    command: 'NV_DefineSpace',
    handles: [options.by ?? TPM_RH.OWNER],
    authorizations: [options.owner ?? password()],
    parameters: new Writer().sized(options.password ?? Buffer.alloc(0)).sized(encodeNvPublic(area)),
  });
  response.end();
}

/** TPM2_NV_UndefineSpace (Part 3, 31.4) by the owner, or by the platform, whose indexes only it removes. */
export async function nvUndefine(
  tpm: Tpm,
  index: number,
  authorization: Authorization = password(),
  by: number = TPM_RH.OWNER,
): Promise<void> {
  const response = await tpm.execute({
    command: 'NV_UndefineSpace',
    handles: [by, index],
    authorizations: [authorization],
  });
  response.end();
}

/**
 * TPM2_NV_ChangeAuth (Part 3, 31.15): gives an index another authorization value. Only the index's policy allows that, with
 * `policyCommandCode` for this command in it.
 * @param value at most as long as the digest that names the index
 */
export async function nvChangeAuth(
  tpm: Tpm,
  index: number,
  value: Uint8Array,
  access: Required<Pick<NvAccess, 'authorization'>> & Pick<NvAccess, 'secure'>,
): Promise<void> {
  const response = await tpm.execute({
    command: 'NV_ChangeAuth',
    handles: [index],
    authorizations: authorizationsOf(access, { command: true }),
    parameters: new Writer().sized(value),
  });
  response.end();
}

async function bufferSize(tpm: Tpm): Promise<number> {
  const properties = await tpmProperties(tpm, TPM_PT.NV_BUFFER_MAX);
  return properties.get(TPM_PT.NV_BUFFER_MAX) || SMALLEST_BUFFER;
}
