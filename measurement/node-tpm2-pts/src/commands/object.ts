import { type Authorization, password } from '../authorization.ts';
import type { Reader } from '../codec/reader.ts';
import { Writer } from '../codec/writer.ts';
import { TPM_RH } from '../constants.ts';
import type { HmacSession } from '../hmac-session.ts';
import { writePcrSelections } from '../structures/pcr-selection.ts';
import { encodePublic, type PublicArea } from '../structures/public.ts';
import type { Tpm } from '../tpm.ts';

/** An object in the TPM; flush it with flushContext when done. */
export interface LoadedObject {
  readonly handle: number;
  /** Its TPMT_PUBLIC as the TPM gave it. */
  readonly publicArea: Buffer;
  readonly name: Buffer;
}

/** An object outside the TPM, encrypted for its parent. */
export interface WrappedObject {
  /** TPMT_PUBLIC. */
  readonly publicArea: Buffer;
  /** The encrypted private part, without its TPM2B size. */
  readonly privateArea: Buffer;
}

export interface CreateOptions {
  /** Authorizes the hierarchy or parent. Default: the empty password. */
  authorization?: Authorization;
  /** The new object's password. */
  password?: Uint8Array;
  /** Data to seal. */
  data?: Uint8Array;
  /** Encrypts password and data on their way to the TPM, and has the answer authenticated. */
  session?: HmacSession;
}

/** TPM2_CreatePrimary (Part 3, 24.1): derives a key from a hierarchy's seed; the same template gives the same key again. */
export async function createPrimary(
  tpm: Tpm,
  hierarchy: number,
  template: PublicArea,
  options: CreateOptions = {},
): Promise<LoadedObject> {
  const { handle, parameters } = await tpm.executeForHandle({
    command: 'CreatePrimary',
    handles: [hierarchy],
    authorizations: createAuthorizations(options),
    parameters: createParameters(template, options),
  });
  const publicArea = Buffer.from(parameters.sized('outPublic'));
  skipCreationData(parameters);
  const name = Buffer.from(parameters.sized('name', 66));
  parameters.end();
  return { handle, publicArea, name };
}

/**
 * TPM2_Create (Part 3, 12.1): makes an object under the storage key `parent`, or seals `data` there.
 * @throws {RangeError} when `session` does not know the name of `parent`: somebody on the bus could put a key of his own there
 */
export async function create(
  tpm: Tpm,
  parent: number,
  template: PublicArea,
  options: CreateOptions = {},
): Promise<WrappedObject> {
  if (options.session?.names.has(parent) === false) {
    throw new RangeError('the session does not know the name of the parent: put it into its names');
  }
  const response = await tpm.execute({
    command: 'Create',
    handles: [parent],
    authorizations: createAuthorizations(options),
    parameters: createParameters(template, options),
  });
  const privateArea = Buffer.from(response.sized('outPrivate'));
  const publicArea = Buffer.from(response.sized('outPublic'));
  skipCreationData(response);
  response.end();
  return { publicArea, privateArea };
}

/** TPM2_Load (Part 3, 12.2): brings an object back under its parent. */
export async function load(
  tpm: Tpm,
  parent: number,
  { publicArea, privateArea }: WrappedObject,
  authorization: Authorization = password(),
): Promise<LoadedObject> {
  const { handle, parameters } = await tpm.executeForHandle({
    command: 'Load',
    handles: [parent],
    authorizations: [authorization],
    parameters: new Writer().sized(privateArea).sized(publicArea),
  });
  const name = Buffer.from(parameters.sized('name', 66));
  parameters.end();
  return { handle, publicArea, name };
}

/**
 * TPM2_LoadExternal (Part 3, 12.3): loads a public key that is not this TPM's, to check signatures with. `hierarchy` is whose
 * tickets it can give.
 */
export async function loadExternal(
  tpm: Tpm,
  publicArea: Uint8Array,
  hierarchy: number = TPM_RH.OWNER,
): Promise<LoadedObject> {
  const { handle, parameters } = await tpm.executeForHandle({
    command: 'LoadExternal',
    parameters: new Writer().sized(Buffer.alloc(0)).sized(publicArea).u32(hierarchy),
  });
  const name = Buffer.from(parameters.sized('name', 66));
  parameters.end();
  return { handle, publicArea: Buffer.from(publicArea), name };
}

/**
 * TPM2_EvictControl (Part 3, 28.5): makes a loaded object persistent at `persistent` (0x81000000 to 0x817fffff for the owner),
 * or, when `object` is that persistent handle itself, removes it.
 */
export async function evictControl(
  tpm: Tpm,
  object: number,
  persistent: number,
  options: { by?: number; authorization?: Authorization } = {},
): Promise<void> {
  const response = await tpm.execute({
    command: 'EvictControl',
    handles: [options.by ?? TPM_RH.OWNER, object],
    authorizations: [options.authorization ?? password()],
    parameters: new Writer().u32(persistent),
  });
  response.end();
}

/** TPM2_ReadPublic (Part 3, 12.4). */
export async function readPublic(
  tpm: Tpm,
  handle: number,
): Promise<{ publicArea: Buffer; name: Buffer; qualifiedName: Buffer }> {
  const response = await tpm.execute({ command: 'ReadPublic', handles: [handle] });
  const publicArea = Buffer.from(response.sized('outPublic'));
  const name = Buffer.from(response.sized('name', 66));
  const qualifiedName = Buffer.from(response.sized('qualifiedName', 66));
  response.end();
  return { publicArea, name, qualifiedName };
}

/**
 * TPM2_Unseal (Part 3, 12.7): the data of a sealed object, to whoever `authorization` satisfies its policy; encrypted on its way
 * by `session`.
 */
export async function unsealObject(
  tpm: Tpm,
  handle: number,
  authorization: Authorization,
  session?: HmacSession,
): Promise<Buffer> {
  const response = await tpm.execute({
    command: 'Unseal',
    handles: [handle],
    authorizations: session
      ? [authorization, session.protect({ response: true })]
      : [authorization],
  });
  const data = Buffer.from(response.sized('outData'));
  response.end();
  return data;
}

function createAuthorizations({ authorization = password(), session }: CreateOptions) {
  return session
    ? [authorization, session.protect({ command: true, response: true })]
    : [authorization];
}

/** inSensitive, inPublic, outsideInfo, creationPCR. */
function createParameters(template: PublicArea, options: CreateOptions): Writer {
  const none = Buffer.alloc(0);
  const sensitive = new Writer().sized(options.password ?? none).sized(options.data ?? none);
  const parameters = new Writer()
    .sized(sensitive.toBuffer())
    .sized(encodePublic(template))
    .sized(none);
  writePcrSelections(parameters, []);
  return parameters;
}

/** creationData, creationHash and the creation ticket (Part 2, 10.7.3), which nothing here needs. */
function skipCreationData(from: Reader): void {
  from.sized('creationData');
  from.sized('creationHash', 64);
  from.u16('ticket tag');
  from.u32('ticket hierarchy');
  from.sized('ticket digest', 64);
}
