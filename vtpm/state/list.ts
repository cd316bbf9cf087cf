import { canonicalJson } from '../../measurement/canonical-json.ts';
import { nextRoot } from '../../measurement/vtpm-state/root.ts';
import { hashOf, isHash } from './objects.ts';

/** Which state is each guest's newest: what the root in the machine's TPM stands for. */
export interface StateList {
  /** The root before this list. */
  readonly previous: Buffer;
  /** Hash of the encrypted state, in hex, by the guest's name. */
  readonly states: ReadonlyMap<string, string>;
}

const VERSION = 1;

export function encodeList({ previous, states }: StateList): Buffer {
  const named = Object.fromEntries(states);
  const list = { version: VERSION, previous: previous.toString('hex'), states: named };
  return Buffer.from(`${canonicalJson(list)}\n`);
}

/**
 * Reads a list that belongs to a root, whoever gave it.
 * @returns undefined for every other
 */
export function listOfRoot(root: Buffer, bytes: Buffer): StateList | undefined {
  try {
    const { version, previous, states } = JSON.parse(bytes.toString()) as Record<string, unknown>;
    if (version !== VERSION || !isHash(previous)) return undefined;
    const before = Buffer.from(previous, 'hex');
    // From here on it is known to be ours.
    if (!nextRoot(before, hashOf(bytes)).equals(root)) return undefined;
    const named = Object.entries(states as Record<string, unknown>);
    return { previous: before, states: new Map(named.map(([name, hash]) => [name, String(hash)])) };
  } catch {
    return undefined;
  }
}
