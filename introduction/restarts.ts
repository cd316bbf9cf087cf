import { renameSync, writeFileSync } from 'node:fs';
import { readBounded } from '../measurement/read-bounded.ts';
import { RecordError, UUID } from './record.ts';

/** Where "domb watch" notes whom it has built again in this boot. */
export const restartsFile = '/run/domb/restarts.json';

/** A domain that dom0 has built again. */
export interface Restart {
  domid: number;
  /** Of the instance that was built last. */
  uuid: string;
  /** How often it was built again in this boot. */
  times: number;
}

const MOST_BYTES = 1024 * 1024;

/**
 * Who was built again in this boot, by domid.
 * @throws {RecordError} for what "domb watch" has not written
 */
export async function readRestarts(file = restartsFile): Promise<Map<number, Restart>> {
  let text: string;
  try {
    text = (await readBounded(file, MOST_BYTES)).toString();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Map();
    throw error;
  }
  let listed: unknown;
  try {
    listed = JSON.parse(text);
  } catch {
    throw new RecordError(`${file}: this is not JSON`);
  }
  if (!Array.isArray(listed) || !listed.every(isRestart)) {
    throw new RecordError(`${file}: this is no list of restarts`);
  }
  return new Map(listed.map((restart) => [restart.domid, restart]));
}

/** Takes the place of what was noted before. */
export function writeRestarts(restarts: ReadonlyMap<number, Restart>, file = restartsFile): void {
  const partial = `${file}.partial`;
  writeFileSync(partial, `${JSON.stringify([...restarts.values()])}\n`, { mode: 0o644 });
  renameSync(partial, file);
}

function isRestart(value: unknown): value is Restart {
  const { domid, uuid, times } = (value ?? {}) as Record<string, unknown>;
  return (
    Number.isSafeInteger(domid) &&
    Number.isSafeInteger(times) &&
    typeof uuid === 'string' &&
    UUID.test(uuid)
  );
}
