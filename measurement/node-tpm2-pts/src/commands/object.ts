import { type Authorization, password } from '../authorization.ts';
import type { Reader } from '../codec/reader.ts';
import { Writer } from '../codec/writer.ts';
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
    authorizations: [options.authorization ?? password()],
    parameters: createParameters(template, options),
  });
  const publicArea = Buffer.from(parameters.sized('outPublic'));
  skipCreationData(parameters);
  const name = Buffer.from(parameters.sized('name', 66));
  parameters.end();
  return { handle, publicArea, name };
}

/** TPM2_Create (Part 3, 12.1): makes an object under the storage key `parent`, or seals `data` there. */
export async function create(
  tpm: Tpm,
  parent: number,
  template: PublicArea,
  options: CreateOptions = {},
): Promise<WrappedObject> {
  const response = await tpm.execute({
    command: 'Create',
    handles: [parent],
    authorizations: [options.authorization ?? password()],
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

/** TPM2_Unseal (Part 3, 12.7): the data of a sealed object, to whoever `authorization` satisfies its policy. */
export async function unsealObject(
  tpm: Tpm,
  handle: number,
  authorization: Authorization,
): Promise<Buffer> {
  const response = await tpm.execute({
    command: 'Unseal',
    handles: [handle],
    authorizations: [authorization],
  });
  const data = Buffer.from(response.sized('outData'));
  response.end();
  return data;
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
