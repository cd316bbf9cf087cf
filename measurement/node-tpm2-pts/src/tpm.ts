import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Authorization,
  type ProtectedCommand,
  readAuthorizations,
  writeAuthorizations,
} from './authorization.ts';
import { Reader } from './codec/reader.ts';
import { Writer } from './codec/writer.ts';
import { type CommandName, commandCode, commandTitle } from './command-codes.ts';
import { TPM_ST } from './constants.ts';
import { TpmError } from './errors.ts';
import { requireTpm2, shortAnswer } from './foreign-answer.ts';
import { decodeResponseCode, RETRY_CODES, TPM_RC_SUCCESS } from './response-codes.ts';
import { isLate } from './transport/late.ts';
import { HEADER_SIZE, type Transport } from './transport/transport.ts';

/** One command: what Part 3 of the specification lists in the command's table. */
export interface CommandRequest {
  /** Its name, or the TPM_CC of any other command, a vendor's among them. */
  command: CommandName | number;
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

/** What may run twice: it only tells something. */
const TELLING: ReadonlySet<CommandRequest['command']> = new Set<CommandName>([
  'GetCapability',
  'GetRandom',
  'GetTestResult',
  'NV_Read',
  'NV_ReadPublic',
  'PCR_Read',
  'ReadClock',
  'ReadPublic',
]);

/** How often such a command is sent to a TPM that is late. */
const TRIES = 3;

/** How to ask for the name of what has a handle of this kind: NV, transient, persistent. Part 2, 7.2. */
const NAMED: Readonly<Record<number, CommandName>> = {
  1: 'NV_ReadPublic',
  128: 'ReadPublic',
  129: 'ReadPublic',
};

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
   * Runs a command and returns its response parameters. One that only tells something is sent again, twice, when the TPM was late
   * ({@link isLate}); any other may have run.
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
    const made = await this.#protect(request);
    const command = encodeCommand(request, made);
    const deadline = performance.now() + this.#retryFor;
    for (let wait = FIRST_WAIT; ; wait = Math.min(2 * wait, LONGEST_WAIT)) {
      const response = await this.#transmit(request, command, made);
      const { code, reader } = openResponse(response, commandTitle(request.command));
      if (code === TPM_RC_SUCCESS) return readBody(response, reader, request, withHandle, made);
      if (!RETRY_CODES.includes(code) || performance.now() + wait > deadline) {
        throw new TpmError(commandTitle(request.command), decodeResponseCode(code));
      }
      await sleep(wait);
    }
  }

  async #transmit({ command }: CommandRequest, bytes: Buffer, made?: ProtectedCommand) {
    for (let left = TELLING.has(command) && made === undefined ? TRIES : 1; ; left--) {
      try {
        return await this.#transport.transmit(bytes);
      } catch (error) {
        if (left <= 1 || !isLate(error)) throw error;
      }
    }
  }

  /** What the request's session with a key makes of it: HMAC, encrypted parameter. */
  async #protect(request: CommandRequest): Promise<ProtectedCommand | undefined> {
    const uses = (request.authorizations ?? []).filter(({ protection }) => protection);
    const [use] = uses;
    if (use?.protection === undefined) return undefined;
    if (uses.length > 1) throw new RangeError('one session with a key is possible in a command');
    const names: Buffer[] = [];
    for (const handle of request.handles ?? []) {
      names.push(use.protection.names.get(handle) ?? (await this.#name(handle)));
    }
    const parameters = request.parameters?.toBuffer() ?? Buffer.alloc(0);
    return use.protection.command(use, commandCode(request.command), names, parameters);
  }

  /** What a handle refers to is named by in HMACs. Part 1, "Names": objects and NV indices have one, others are their handle. */
  async #name(handle: number): Promise<Buffer> {
    const kind = handle >>> 24;
    const command = NAMED[kind];
    if (command === undefined) return new Writer().u32(handle).toBuffer();
    const { parameters } = await this.#send({ command, handles: [handle] }, false);
    parameters.sized('public area');
    return Buffer.from(parameters.sized('name', 66));
  }
}

function encodeCommand(
  { command, handles = [], authorizations = [], parameters }: CommandRequest,
  made: ProtectedCommand | undefined,
) {
  const body = new Writer();
  for (const handle of handles) body.u32(handle);
  if (authorizations.length > 0) writeAuthorizations(body, authorizations, made);
  const plain = parameters?.toBuffer() ?? Buffer.alloc(0);
  body.bytes(made?.parameters ?? plain);
  const bytes = body.toBuffer();
  return new Writer()
    .u16(authorizations.length > 0 ? TPM_ST.SESSIONS : TPM_ST.NO_SESSIONS)
    .u32(HEADER_SIZE + bytes.length)
    .u32(commandCode(command))
    .bytes(bytes)
    .toBuffer();
}

function openResponse(response: Buffer, name: string): { code: number; reader: Reader } {
  if (response.length < HEADER_SIZE) throw shortAnswer(response.length, name);
  const reader = new Reader(response, `${name} response`);
  const tag = reader.u16('tag');
  const size = reader.u32('size');
  const code = reader.u32('response code');
  requireTpm2({ tag, size, code }, name);
  if (size !== response.length) {
    throw reader.error(`its header claims ${size} bytes, ${response.length} came`);
  }
  return { code, reader };
}

/** Handle area, then with sessions: parameterSize, parameters, authorization area. Part 1, "Response". */
function readBody(
  response: Buffer,
  reader: Reader,
  request: CommandRequest,
  withHandle: boolean,
  made: ProtectedCommand | undefined,
) {
  const sessions = request.authorizations ?? [];
  const tag = response.readUInt16BE(0);
  const expected = sessions.length > 0 ? TPM_ST.SESSIONS : TPM_ST.NO_SESSIONS;
  if (tag !== expected) {
    throw reader.error(`tag 0x${tag.toString(16)}, expected 0x${expected.toString(16)}`);
  }
  const handle = withHandle ? reader.u32('handle') : 0;
  const what = `${commandTitle(request.command)} response parameters`;
  if (sessions.length === 0) return { handle, parameters: new Reader(reader.rest(), what) };
  const parameters = reader.bytes(reader.u32('parameterSize'), 'parameters');
  const answers = readAuthorizations(reader, sessions.length);
  if (made === undefined) return { handle, parameters: new Reader(parameters, what) };
  const answer = answers[sessions.findIndex(({ protection }) => protection)];
  if (answer === undefined) throw reader.error('no answer of the session with a key');
  return { handle, parameters: new Reader(made.open(answer, parameters), what) };
}
