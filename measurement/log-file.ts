import { constants, type FileHandle, open } from 'node:fs/promises';
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
 */
export class LogFile {
  readonly path: string;
  readonly #file: FileHandle;
  readonly #records: Buffer[] = [];
  #size = 0;
  #broken = false;

  private constructor(path: string, file: FileHandle) {
    this.path = path;
    this.#file = file;
  }

  /** Creates the file with `header` in it. @throws {MeasurementError} when it exists or cannot be written */
  static async create(path: string, header: Buffer): Promise<LogFile> {
    let file: FileHandle | undefined;
    try {
      file = await open(path, 'wx+', MODE);
      const log = new LogFile(path, file);
      await log.#append(header);
      await syncDirectory(dirname(path));
      return log;
    } catch (error) {
      await file?.close();
      throw (error as NodeJS.ErrnoException).code === 'EEXIST'
        ? await existing(path)
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
      await this.#mark(true);
      await this.#append(record);
    } catch (error) {
      await this.#takeBack();
      throw unwritable(this.path, error);
    }
    try {
      await extend();
    } catch (error) {
      // A response code means that the TPM did not extend; anything else leaves that unknown.
      if (error instanceof TpmError) await this.#takeBack(record);
      else this.#broken = true;
      throw error;
    }
    try {
      await this.#mark(false);
    } catch (cause) {
      this.#broken = true;
      throw new MeasurementError(
        `${this.path}: measured, but the dirty mark stays: ${(cause as Error).message}`,
        'reset the machine: readers will take this log for incomplete',
        { cause },
      );
    }
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #append(record: Buffer): Promise<void> {
    for (let done = 0; done < record.length; ) {
      const position = this.#size + done;
      done += (await this.#file.write(record, done, record.length - done, position)).bytesWritten;
    }
    await this.#file.sync();
    this.#size += record.length;
    this.#records.push(record);
  }

  /** Back to the state before the last commit; when even that fails, the log stays marked. */
  async #takeBack(record?: Buffer): Promise<void> {
    if (record) {
      this.#records.pop();
      this.#size -= record.length;
    }
    try {
      await this.#file.truncate(this.#size);
      await this.#mark(false);
    } catch {
      this.#broken = true;
    }
  }

  async #mark(dirty: boolean): Promise<void> {
    await this.#file.chmod(dirty ? MODE | DIRTY : MODE);
    await this.#file.sync();
    if (isDirty((await this.#file.stat()).mode) !== dirty) {
      throw new Error('this file system does not keep the sticky bit');
    }
  }
}

/** True when a log file's mode says that a measurement was under way when its writer stopped: incomplete for ever. */
export function isDirty(mode: number): boolean {
  return (mode & DIRTY) !== 0;
}

async function existing(path: string): Promise<MeasurementError> {
  const file = await open(path, constants.O_RDONLY);
  const { mode } = await file.stat().finally(() => file.close());
  return isDirty(mode)
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

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  await directory.sync().finally(() => directory.close());
}
