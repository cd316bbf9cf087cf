import type { Store } from '../backend/store.ts';

/**
 * Messages between the vTPM domain and dom0 in a directory of xenstore, which has grants, channels and a daemon between domains
 * already. Each end writes its message in parts, then its number, which the other one watches. dom0 may write all of it: nothing here is
 * believed by the vTPM domain.
 */
export const MAILBOX = 'data/domb-vtpm-state';

/** Bytes of a node's value: xenstored lets a domain have 2048 of it and all that belongs to it (quota-entry-size). */
const PART_SIZE = 1800;
/** Parts of a message. */
const MOST_PARTS = 10;

/** Bytes of a message at most. */
export const LARGEST_MESSAGE = PART_SIZE * MOST_PARTS;

/** What the vTPM domain last said of states, for dom0's operator. */
export const saidPath = (directory: string): string => `${directory}/said`;

export type Box = 'request' | 'answer';

/** A message with its number, by which an answer is found to its request. */
export interface Letter {
  readonly number: string;
  readonly bytes: Buffer;
}

/** The entry that is written last. */
export const letterPath = (directory: string, box: Box): string => `${directory}/${box}`;

export function putLetter(
  store: Store,
  directory: string,
  box: Box,
  { number, bytes }: Letter,
): void {
  if (bytes.length > LARGEST_MESSAGE) throw new Error(`a message of ${bytes.length} bytes`);
  const parts = Math.ceil(bytes.length / PART_SIZE);
  for (let part = 0; part < parts; part++) {
    const from = part * PART_SIZE;
    const value = bytes.toString('latin1', from, from + PART_SIZE);
    store.write(`${directory}/${box}-${part}`, value);
  }
  store.write(letterPath(directory, box), `${number} ${bytes.length}`);
}

/** Number and bytes of the message that is there; undefined where there is none, or what is there is none. */
function headIn(store: Store, directory: string, box: Box) {
  const [whole, number = '', size] =
    /^(\d{1,16}) (\d{1,6})$/.exec(store.read(letterPath(directory, box)) ?? '') ?? [];
  const length = Number(size);
  return whole === undefined || length > LARGEST_MESSAGE ? undefined : { number, length };
}

/** Which message is there, without reading it. */
export const numberIn = (store: Store, directory: string, box: Box): string | undefined =>
  headIn(store, directory, box)?.number;

/** Undefined where there is none, or what is there is none. */
export function letterIn(store: Store, directory: string, box: Box): Letter | undefined {
  const head = headIn(store, directory, box);
  if (head === undefined) return undefined;
  const { number, length } = head;
  const parts: Buffer[] = [];
  for (let part = 0; part * PART_SIZE < length; part++) {
    parts.push(Buffer.from(store.read(`${directory}/${box}-${part}`) ?? '', 'latin1'));
  }
  const bytes = Buffer.concat(parts);
  return bytes.length === length ? { number, bytes } : undefined;
}
