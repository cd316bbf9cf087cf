import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { TpmError } from 'node-tpm2-pts';
import { MeasurementError } from './errors.ts';

/** The dirty mark: the sticky bit of the log file. It lives in the same inode as the bytes that it speaks about. */
const DIRTY = 0o1000;
const MODE = 0o600;

/**
 * The binary log on disk. It is created exclusively, and that is its lock: one boot, one writer, one log.
 *
 * A record goes in by this protocol, so that every extend is in the log and a log that cannot be written stops the boot
 * before the extend: set the dirty mark; append and fsync; extend; clear the mark. When the TPM itself refuses, the record
 * is taken back. When nobody knows whether the TPM extended, the mark stays and nothing more is measured.
 *
 * The calls are synchronous: a record takes eight of them, and the way to a thread and back costs ten times what they do.
 */
export class LogFile {
  readonly path: string;
  readonly #file: number;
  readonly #records: Buffer[] = [];
  #size = 0;
  #broken = false;

  private constructor(path: string, file: number) {
    this.path = path;
    this.#file = file;
  }

  /** Creates the file with `header` in it. @throws {MeasurementError} when it exists or cannot be written */
  static create(path: string, header: Buffer): LogFile {
    let file: number | undefined;
    try {
      file = openSync(path, 'wx+', MODE);
      const log = new LogFile(path, file);
      log.#append(header);
      syncDirectory(dirname(path));
      return log;
    } catch (error) {
      if (file !== undefined) closeSync(file);
      throw (error as NodeJS.ErrnoException).code === 'EEXIST'
        ? existing(path)
        : unwritable(path, error);
    }
  }

  /** Everything that was measured, as the binary log. */
  bytes(): Buffer {
    return Buffer.concat(this.#records);
  }

  /** Appends `record`, whose event `extend` puts into the PCR. */
  async commit(record: Buffer, extend: () => Promise<void>): Promise<void> {
    if (this.#broken) {
      throw new MeasurementError(
        `${this.path}: the log is incomplete since an earlier failure`,
        'reset the machine: the PCR and the log can no longer be brought together',
      );
    }
    try {
      this.#mark(true);
      this.#append(record);
    } catch (error) {
      this.#takeBack();
      throw unwritable(this.path, error);
    }
    try {
      await extend();
    } catch (error) {
      // A response code means that the TPM did not extend; anything else leaves that unknown.
      if (error instanceof TpmError) this.#takeBack(record);
      else this.#broken = true;
      throw error;
    }
    try {
      this.#mark(false);
    } catch (cause) {
      this.#broken = true;
      throw new MeasurementError(
        `${this.path}: measured, but the dirty mark stays: ${(cause as Error).message}`,
        'reset the machine: readers will take this log for incomplete',
        { cause },
      );
    }
  }

  close(): void {
    closeSync(this.#file);
  }

  #append(record: Buffer): void {
    for (let done = 0; done < record.length; ) {
      const position = this.#size + done;
      done += writeSync(this.#file, record, done, record.length - done, position);
    }
    fsyncSync(this.#file);
    this.#size += record.length;
    this.#records.push(record);
  }

  /** Back to the state before the last commit; when even that fails, the log stays marked. */
  #takeBack(record?: Buffer): void {
    if (record) {
      this.#records.pop();
      this.#size -= record.length;
    }
    try {
      ftruncateSync(this.#file, this.#size);
      this.#mark(false);
    } catch {
      this.#broken = true;
    }
  }

  #mark(dirty: boolean): void {
    fchmodSync(this.#file, dirty ? MODE | DIRTY : MODE);
    fsyncSync(this.#file);
    if (isDirty(fstatSync(this.#file).mode) !== dirty) {
      throw new Error('this file system does not keep the sticky bit');
    }
  }
}

/** True when a log file's mode says that a measurement was under way when its writer stopped: incomplete for ever. */
export function isDirty(mode: number): boolean {
  return (mode & DIRTY) !== 0;
}

function existing(path: string): MeasurementError {
  return isDirty(statSync(path).mode)
    ? new MeasurementError(
        `${path}: found dirty: its writer stopped while it was measuring`,
        'reset the machine: this log can never match the PCR',
      )
    : new MeasurementError(
        `${path}: exists: another writer runs, or one ran before in this boot`,
        'end the other writer and reset the machine, or keep the log of an earlier boot elsewhere',
      );
}

function unwritable(path: string, cause: unknown): MeasurementError {
  if (cause instanceof MeasurementError) return cause;
  const { code, message } = cause as NodeJS.ErrnoException;
  return new MeasurementError(
    `${path}: cannot write the measurement log: ${code ?? message}`,
    'nothing was measured: provide a writable directory with free space',
    { cause },
  );
}

function syncDirectory(path: string): void {
  const directory = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
