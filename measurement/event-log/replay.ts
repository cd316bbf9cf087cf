import { binaryDigest, digest, type HashAlgorithm, hashId, hashSize } from 'node-tpm2-pts';
import { EVENT_TYPE, EventLogError, type LogEvent } from './format.ts';

/** DRTM PCRs hold ones until a dynamic launch resets them. TCG PC Client Platform TPM Profile 1.05, 4.6.2. */
const FIRST_DRTM_PCR = 17;
const LAST_DRTM_PCR = 22;

const STARTUP_LOCALITY = Buffer.from('StartupLocality\0', 'latin1');

/** What a PCR holds after TPM2_Startup(CLEAR). */
export function initialValue(bank: HashAlgorithm, pcr: number): Buffer {
  const ones = pcr >= FIRST_DRTM_PCR && pcr <= LAST_DRTM_PCR;
  return Buffer.alloc(hashSize(bank), ones ? 0xff : 0x00);
}

/** PCR.new = H(PCR.old || digest). TPM 2.0 Library, Part 1, "Extend of a PCR". */
export function extend(bank: HashAlgorithm, value: Uint8Array, by: Uint8Array): Buffer {
  return digest(bank, value, by);
}

/**
 * The values that one bank's PCRs must have if these events, and nothing else, were extended since the TPM was reset.
 * PCRs without an event are absent, so that "nothing was compared" cannot look like success.
 * @throws {EventLogError} when an event has no digest for this bank: its PCR could never replay
 */
export function replay(events: Iterable<LogEvent>, bank: HashAlgorithm): Map<number, Buffer> {
  const values = new BankReplay(bank);
  for (const event of events) {
    if (values.take(event)) continue;
    throw new EventLogError(`event ${values.taken} (PCR ${event.pcr}) has no ${bank} digest`);
  }
  return values.pcrs();
}

/** The PCRs of one bank while events are replayed into them, one after the other. */
export class BankReplay {
  /** How many events it was given. */
  taken = 0;
  readonly #bank: HashAlgorithm;
  readonly #id: number;
  readonly #size: number;
  /** Logs are long: each PCR has one buffer, its value in front and the next digest behind. */
  readonly #states = new Map<number, Buffer>();

  constructor(bank: HashAlgorithm) {
    this.#bank = bank;
    this.#id = hashId(bank);
    this.#size = hashSize(bank);
  }

  /**
   * Replays the next event.
   * @returns false where it has no digest for this bank, and so changed nothing
   * @throws {EventLogError} when it cannot come here
   */
  take(event: LogEvent): boolean {
    this.taken++;
    if (event.type === EVENT_TYPE.NO_ACTION) {
      this.#startupLocality(event);
      return true;
    }
    const by = event.digests.get(this.#id);
    if (by === undefined) return false;
    if (by.length !== this.#size) {
      throw new EventLogError(`event ${this.taken}: a ${this.#bank} digest of ${by.length} bytes`);
    }
    const state = this.#states.get(event.pcr) ?? this.#start(event.pcr);
    by.copy(state, this.#size);
    state.write(binaryDigest(this.#bank, state), 'latin1');
    return true;
  }

  /** The values so far of the PCRs that had an event. */
  pcrs(): Map<number, Buffer> {
    const value = (state: Buffer) => Buffer.from(state.subarray(0, this.#size));
    return new Map([...this.#states].map(([pcr, state]) => [pcr, value(state)]));
  }

  /**
   * Zeros, in every PCR. Those of a dynamic launch hold ones until it resets them; a log that has events in them tells of such a
   * launch. TCG PC Client Platform TPM Profile 1.05, 4.6.2; `_TPM_Hash_Start`, TPM 2.0 Library, Part 3, 22.9.
   */
  #start(pcr: number): Buffer {
    const state = Buffer.alloc(2 * this.#size);
    this.#states.set(pcr, state);
    return state;
  }

  /**
   * EV_NO_ACTION extends nothing. One such event matters: TPM2_Startup from another locality, which becomes the last
   * byte of PCR 0's initial value. PFP 10.4.5.3.
   */
  #startupLocality({ data, pcr }: LogEvent): void {
    const locality = startupLocality(data);
    if (pcr !== 0 || locality === undefined) return;
    if (this.#states.has(0)) {
      throw new EventLogError('StartupLocality comes after PCR 0 was extended');
    }
    this.#start(0).writeUInt8(locality, this.#size - 1);
  }
}

/** The locality that an EV_NO_ACTION event says TPM2_Startup came from; undefined for what says none. PFP 10.4.5.3. */
export function startupLocality(data: Buffer): number | undefined {
  const is = data.length === 17 && data.subarray(0, 16).equals(STARTUP_LOCALITY);
  return is ? data.readUInt8(16) : undefined;
}

/** The data of the event that says so. */
export function encodeStartupLocality(locality: number): Buffer {
  return Buffer.concat([STARTUP_LOCALITY, Buffer.from([locality])]);
}
