import type { Store } from '../backend/store.ts';

/**
 * Messages between the vTPM domain and dom0 in a directory of xenstore, which has grants, channels and a daemon between domains
 * already. Each end writes one entry, which the other one watches: the message's number and length and, where it has room, the message; a longer
 * one is in parts that were written before. dom0 may write all of it: nothing here is
 * believed by the vTPM domain.
 */
export const MAILBOX = 'data/domb-vtpm-state';

/** Bytes of a node's value: xenstored lets a domain have 2048 of it and all that belongs to it (quota-entry-size). */
const PART_SIZE = 1800;
/** Parts of a message. */
const MOST_PARTS = 10;

/** Bytes that have room behind the line with number and length: each entry that is read or written is a message through xenstored. */
const MOST_INLINE = PART_SIZE - 32;

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
  const head = `${number} ${bytes.length}\n`;
  if (bytes.length <= MOST_INLINE) {
    store.write(letterPath(directory, box), `${head}${bytes.toString('latin1')}`);
    return;
  }
  const parts = Math.ceil(bytes.length / PART_SIZE);
  for (let part = 0; part < parts; part++) {
    const from = part * PART_SIZE;
    const value = bytes.toString('latin1', from, from + PART_SIZE);
    store.write(`${directory}/${box}-${part}`, value);
  }
  store.write(letterPath(directory, box), head);
}

/** Which message is there; undefined where there is none, or what is there is none. */
export const numberIn = (store: Store, directory: string, box: Box): string | undefined =>
  headIn(store, directory, box)?.number;

/**
 * Undefined where there is none, or what is there is none.
 * @param isWanted whether a message of this number is: the parts of another are not read
 */
export function letterIn(
  store: Store,
  directory: string,
  box: Box,
  isWanted: (number: string) => boolean = () => true,
): Letter | undefined {
  const head = headIn(store, directory, box);
  if (head === undefined || !isWanted(head.number)) return undefined;
  const { number, length, inline } = head;
  const parts: Buffer[] = [inline];
  if (length > MOST_INLINE) {
    for (let part = 0; part * PART_SIZE < length; part++) {
      parts.push(Buffer.from(store.read(`${directory}/${box}-${part}`) ?? '', 'latin1'));
    }
  }
  const bytes = Buffer.concat(parts);
  return bytes.length === length ? { number, bytes } : undefined;
}

function headIn(store: Store, directory: string, box: Box) {
  const value = store.read(letterPath(directory, box)) ?? '';
  const [whole, number = '', size] = /^(\d{1,16}) (\d{1,6})\n/.exec(value) ?? [];
  const length = Number(size);
  if (whole === undefined || length > LARGEST_MESSAGE) return undefined;
  return { number, length, inline: Buffer.from(value.slice(whole.length), 'latin1') };
}
