import { setTimeout as sleep } from 'node:timers/promises';
import { type Authorization, readAuthorizations, writeAuthorizations } from './authorization.ts';
import { Reader } from './codec/reader.ts';
import { Writer } from './codec/writer.ts';
import { COMMAND_CODES, type CommandName } from './command-codes.ts';
import { TPM_ST } from './constants.ts';
import { TpmError } from './errors.ts';
import { decodeResponseCode, RETRY_CODES, TPM_RC_SUCCESS } from './response-codes.ts';
import { HEADER_SIZE, type Transport } from './transport/transport.ts';

/** One command: what Part 3 of the specification lists in the command's table. */
export interface CommandRequest {
  command: CommandName;
  handles?: readonly number[];
  authorizations?: readonly Authorization[];
  parameters?: Writer;
}

export interface TpmOptions {
  /** How long a command is sent again while the TPM answers "try again", in milliseconds. Default 30 s. */
  retryFor?: number;
}

const FIRST_WAIT = 2;
const LONGEST_WAIT = 500;

/**
 * A TPM behind a transport: frames commands, checks responses, waits while the TPM is busy.
 * Commands are functions that take a `Tpm`; calls may overlap, they run one after the other.
 */
export class Tpm {
  readonly #transport: Transport;
  readonly #retryFor: number;
  #last: Promise<unknown> = Promise.resolve();

  constructor(transport: Transport, { retryFor = 30_000 }: TpmOptions = {}) {
    this.#transport = transport;
    this.#retryFor = retryFor;
  }

  /** Names the TPM in messages, for example `/dev/tpmrm0`. */
  get description(): string {
    return this.#transport.description;
  }

  /**
   * Runs a command and returns its response parameters.
   * @throws {TpmError} when the TPM answers with anything but success
   * @throws {TpmFormatError} when the response is malformed
   * @throws {TpmTransportError} when the connection fails; whether the command ran is then unknown
   */
  async execute(request: CommandRequest): Promise<Reader> {
    return (await this.#run(request, false)).parameters;
  }

  /** The same for commands whose response carries a handle (a loaded object, a session). */
  async executeForHandle(request: CommandRequest): Promise<{ handle: number; parameters: Reader }> {
    return this.#run(request, true);
  }

  async close(): Promise<void> {
    await this.#last;
    await this.#transport.close();
  }

  #run(request: CommandRequest, withHandle: boolean) {
    const result = this.#last.then(() => this.#send(request, withHandle));
    this.#last = result.catch(() => {});
    return result;
  }

  async #send(request: CommandRequest, withHandle: boolean) {
    const command = encodeCommand(request);
    const deadline = performance.now() + this.#retryFor;
    for (let wait = FIRST_WAIT; ; wait = Math.min(2 * wait, LONGEST_WAIT)) {
      const response = await this.#transport.transmit(command);
      const { code, reader } = openResponse(response, `TPM2_${request.command}`);
      if (code === TPM_RC_SUCCESS) return readBody(response, reader, request, withHandle);
      if (!RETRY_CODES.includes(code) || performance.now() + wait > deadline) {
        throw new TpmError(`TPM2_${request.command}`, decodeResponseCode(code));
      }
      await sleep(wait);
    }
  }
}

function encodeCommand({ command, handles = [], authorizations = [], parameters }: CommandRequest) {
  const body = new Writer();
  for (const handle of handles) body.u32(handle);
  if (authorizations.length > 0) writeAuthorizations(body, authorizations);
  if (parameters) body.bytes(parameters.toBuffer());
  const bytes = body.toBuffer();
  return new Writer()
    .u16(authorizations.length > 0 ? TPM_ST.SESSIONS : TPM_ST.NO_SESSIONS)
    .u32(HEADER_SIZE + bytes.length)
    .u32(COMMAND_CODES[command])
    .bytes(bytes)
    .toBuffer();
}

function openResponse(response: Buffer, name: string): { code: number; reader: Reader } {
  const reader = new Reader(response, `${name} response`);
  reader.u16('tag');
  const size = reader.u32('size');
  if (size !== response.length) {
    throw reader.error(`its header claims ${size} bytes, ${response.length} came`);
  }
  return { code: reader.u32('response code'), reader };
}

/** Handle area, then with sessions: parameterSize, parameters, authorization area. Part 1, "Response". */
function readBody(response: Buffer, reader: Reader, request: CommandRequest, withHandle: boolean) {
  const sessions = request.authorizations ?? [];
  const tag = response.readUInt16BE(0);
  const expected = sessions.length > 0 ? TPM_ST.SESSIONS : TPM_ST.NO_SESSIONS;
  if (tag !== expected) {
    throw reader.error(`tag 0x${tag.toString(16)}, expected 0x${expected.toString(16)}`);
  }
  const handle = withHandle ? reader.u32('handle') : 0;
  const what = `TPM2_${request.command} response parameters`;
  if (sessions.length === 0) return { handle, parameters: new Reader(reader.rest(), what) };
  const parameters = reader.bytes(reader.u32('parameterSize'), 'parameters');
  readAuthorizations(reader, sessions.length);
  return { handle, parameters: new Reader(parameters, what) };
}
