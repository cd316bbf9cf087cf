import { join } from 'node:path';
import { type HashAlgorithm, hashById, pcrBanks, pcrRead, type Tpm } from 'node-tpm2-pts';
import { CertainExtends } from './certain-extend.ts';
import { encodeCap, encodeItem, type Target } from './encode.ts';
import { MeasurementError } from './errors.ts';
import type { LogEvent } from './event-log/format.ts';
import { initialValue } from './event-log/replay.ts';
import { encodeEvent, encodeHeader } from './event-log/write.ts';
import type { ErrorItem, MeasuredEvent, MeasuredItem } from './events.ts';
import { LogFile } from './log-file.ts';
import { Registers } from './registers.ts';
import { spoilPcr } from './spoil.ts';

export const LOG_FILE_NAME = 'measurement.log';
/** The log of what differs at each boot, in a register of its own. */
export const BOOT_LOG_FILE_NAME = 'boot.log';

export interface MeasurementLogOptions {
  readonly tpm: Tpm;
  /** The PCR that everything goes into but what a domain wants elsewhere; nobody else may extend it. */
  readonly pcr: number;
  /** The log's name; by default {@link LOG_FILE_NAME}. */
  readonly name?: string;
  /** Where the log is created; on a file system that is fresh at each boot, such as /run. */
  readonly directory: string;
}

/** What was measured, JSON-able. The last entries of a capped log are the caps, which have no item. */
export interface LoggedEvent {
  readonly pcr: number;
  /** Lower-case hex digest by bank. */
  readonly digests: Readonly<Record<string, string>>;
  readonly item: MeasuredEvent | 'cap';
}

/** Where a failed boot's error event and cap are: in log and PCR, or in the PCR alone. */
export type FailureRecord = 'logged' | 'unlogged';

/**
 * The write side of measuring: puts descriptions into their PCRs, in all active banks, and into the log.
 * The file's bytes are described in docs/measurement-log.md, the order of writing at {@link LogFile}.
 */
export class MeasurementLog {
  /** The first register, and the banks of all. */
  readonly target: Target;
  readonly #registers: Registers;
  /** Registers that held nothing before; domains may have their images in no others. */
  readonly #opened: Set<number>;
  readonly #tpm: Tpm;
  readonly #extends: CertainExtends;
  readonly #file: LogFile;
  readonly #events: LoggedEvent[] = [];
  readonly #capped = new Set<number>();
  #intact = true;
  /** True once an error event is in all registers. */
  #failed = false;
  #ended: FailureRecord | undefined;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(tpm: Tpm, target: Target, file: LogFile) {
    this.#tpm = tpm;
    this.#extends = new CertainExtends(tpm);
    this.target = target;
    this.#registers = new Registers(target.pcr);
    this.#opened = new Set([target.pcr]);
    this.#file = file;
  }

  /**
   * Finds the TPM's active banks and creates the log. The PCR must hold its reset value in each of them: after an event
   * that is in no log it could never be replayed.
   */
  static async open({
    tpm,
    pcr,
    directory,
    name = LOG_FILE_NAME,
  }: MeasurementLogOptions): Promise<MeasurementLog> {
    const banks = await banksOf(tpm, pcr);
    if (banks.length === 0) {
      throw new MeasurementError(
        `${tpm.description}: PCR ${pcr} exists in no active bank`,
        'activate a PCR bank in the firmware setup, or measure into another PCR',
      );
    }
    await refuseUsed(tpm, { pcr, banks });
    const file = LogFile.create(join(directory, name), encodeHeader(banks));
    return new MeasurementLog(tpm, { pcr, banks }, file);
  }

  /** Measures one item. When this fails the platform must not start: what failed is not in the PCR, or nobody knows. */
  async measure(item: MeasuredItem): Promise<void> {
    await this.#inOrder(async () => {
      if (this.sealed) throw this.#late(`a ${item.event} event`);
      if (item.event === 'domain' && item.pcr !== undefined) this.#requireOpen(item.pcr);
      for (const place of this.#registers.places(item)) {
        const { pcr, sequence } = place;
        const event: MeasuredEvent = { ...item, sequence };
        await this.#commit(encodeItem(item, sequence, { ...this.target, pcr }), event);
        this.#registers.add(item, [place]);
      }
    });
  }

  /** Makes a further register usable for domains that name it. It must be in the same banks, and hold its reset value. */
  async openRegister(pcr: number): Promise<void> {
    const active = await banksOf(this.#tpm, pcr);
    const { banks } = this.target;
    if (active.join() !== banks.join()) {
      throw new MeasurementError(
        `${this.#tpm.description}: PCR ${pcr} is in the banks ${active.join(', ') || 'none'}, PCR ${this.target.pcr} in ${banks.join(', ')}`,
        'allocate the same PCRs in all banks, or choose another PCR',
      );
    }
    await refuseUsed(this.#tpm, { pcr, banks });
    this.#opened.add(pcr);
  }

  /** Measures that the boot failed, into all registers. The caps must follow: {@link fail} puts them there. */
  async error(details: Omit<ErrorItem, 'event'>): Promise<void> {
    await this.measure({ event: 'error', ...details });
    this.#failed = true;
  }

  /**
   * Ends the log with an EV_SEPARATOR in each register. Nothing can be measured after the first of them. When the TPM refuses
   * one, the next call goes on with it.
   */
  async cap(): Promise<void> {
    await this.#inOrder(async () => {
      if (this.capped) throw this.#late('a second cap');
      for (const pcr of this.pcrs.filter((each) => !this.#capped.has(each))) {
        await this.#commit(encodeCap({ ...this.target, pcr }), 'cap');
        this.#capped.add(pcr);
      }
    });
  }

  /**
   * Ends the log of a boot that failed, with an error event (unless there is one, or `details` are left out) and the cap. While the log is in
   * order both stand in it. If it is broken, or capped as that of a good boot, they go into the PCR alone, which then matches
   * no log and no prediction: what is sealed to a good value stays sealed in any case. A second call does nothing.
   * @throws {MeasurementError} when the TPM does not take them either
   */
  async fail(details?: Omit<ErrorItem, 'event'>): Promise<FailureRecord> {
    this.#ended ??= await this.#fail(details);
    return this.#ended;
  }

  async #fail(details?: Omit<ErrorItem, 'event'>): Promise<FailureRecord> {
    if (!this.capped) {
      try {
        if (details && !this.sealed && !this.#failed) await this.error(details);
        await this.cap();
        const unnamed = [...this.#opened].filter((pcr) => !this.pcrs.includes(pcr));
        await this.#spoil(unnamed, details?.what);
        return 'logged';
      } catch {
        // Whatever of the two is missing is made up for below.
      }
    } else if (!details) return 'logged';
    await this.#spoil(this.#opened, details?.what);
    for (const pcr of this.pcrs) this.#capped.add(pcr);
    this.#intact = false;
    return 'unlogged';
  }

  #spoil(pcrs: Iterable<number>, what = 'its log is broken'): Promise<void> {
    return this.#inOrder(async () => {
      for (const pcr of pcrs) await spoilPcr(this.#tpm, { ...this.target, pcr }, what);
    });
  }

  /** False once a measurement failed: then nobody can say what the PCR holds, or the log is not what it says. */
  get intact(): boolean {
    return this.#intact;
  }

  /** All registers that have been measured into, or that a domain has named. */
  get pcrs(): readonly number[] {
    return this.#registers.pcrs;
  }

  /** Whether all registers are capped. */
  get capped(): boolean {
    return this.#capped.size === this.pcrs.length;
  }

  /** Whether at least one is: nothing can be measured any more. */
  get sealed(): boolean {
    return this.#capped.size > 0;
  }

  /** Path of the binary log. */
  get path(): string {
    return this.#file.path;
  }

  /** The binary log. */
  bytes(): Buffer {
    return this.#file.bytes();
  }

  /** What was measured, in order. */
  get events(): readonly LoggedEvent[] {
    return this.#events;
  }

  async close(): Promise<void> {
    await this.#last;
    this.#file.close();
  }

  #late(what: string): MeasurementError {
    return new MeasurementError(
      `PCR ${this.target.pcr} is capped: ${what} came after the end of the log`,
      'measure everything before the cap',
    );
  }

  #requireOpen(pcr: number): void {
    if (this.#opened.has(pcr)) return;
    throw new Error(`PCR ${pcr} is measured into before it was opened`);
  }

  /** Callers may not wait for each other; sequence numbers, extends and records must still agree. */
  #inOrder(step: () => Promise<void>): Promise<void> {
    const result = this.#last.then(step);
    this.#last = result.catch(() => {});
    return result;
  }

  async #commit(event: LogEvent, item: MeasuredEvent | 'cap'): Promise<void> {
    const digests = digestsByBank(event);
    try {
      await this.#file.commit(encodeEvent(event), () => this.#extends.extend(event.pcr, digests));
    } catch (error) {
      this.#intact = false;
      throw error;
    }
    const hex = [...digests].map(([bank, digest]) => [bank, digest.toString('hex')]);
    this.#events.push({ pcr: event.pcr, digests: Object.fromEntries(hex), item });
  }
}

function digestsByBank({ digests }: LogEvent): Map<HashAlgorithm, Buffer> {
  const named = new Map<HashAlgorithm, Buffer>();
  for (const [id, digest] of digests) {
    const bank = hashById(id);
    if (bank) named.set(bank, digest);
  }
  return named;
}

/** The active banks that have this PCR. */
async function banksOf(tpm: Tpm, pcr: number): Promise<HashAlgorithm[]> {
  const banks = await pcrBanks(tpm);
  return banks.filter(({ pcrs }) => pcrs.includes(pcr)).map(({ bank }) => bank);
}

async function refuseUsed(tpm: Tpm, { pcr, banks }: Target): Promise<void> {
  const values = await pcrRead(
    tpm,
    banks.map((bank) => ({ bank, pcrs: [pcr] })),
  );
  const used = banks.filter((bank) => !values.get(bank)?.get(pcr)?.equals(initialValue(bank, pcr)));
  if (used.length > 0) {
    throw new MeasurementError(
      `${tpm.description}: PCR ${pcr} was extended before us (${used.join(', ')})`,
      'measure into a PCR that firmware and boot loader leave alone, and reset the machine before each boot',
    );
  }
}
