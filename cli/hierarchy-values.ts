import type { HierarchyValues } from '../measurement/keys/hierarchies.ts';
import { readBounded } from '../measurement/read-bounded.ts';
import { Failure, type Input, type Terminal, UsageError } from './command.ts';
import { endorsementAuth, ownerAuth } from './hierarchy-options.ts';

/** Bytes: no authorization value is longer than the longest digest. TPM 2.0 Library, Part 2, TPM2B_AUTH. */
const LONGEST = 64;

/**
 * The values that the options name.
 * @throws {Failure} for a file that can hold none
 */
export async function hierarchyValues(input: Input, terminal: Terminal): Promise<HierarchyValues> {
  const [endorsement, owner] = [endorsementAuth, ownerAuth].map(({ name }) =>
    input.values.get(name),
  );
  if (endorsement === '-' && owner === '-') {
    throw new UsageError('standard input can hold one value only', 'name a file for the other');
  }
  return {
    ...(endorsement === undefined ? {} : { endorsement: await valueIn(endorsement, terminal) }),
    ...(owner === undefined ? {} : { owner: await valueIn(owner, terminal) }),
  };
}

async function valueIn(file: string, terminal: Terminal): Promise<Uint8Array> {
  const value = file === '-' ? await terminal.read(LONGEST) : await readBounded(file, LONGEST);
  if (value.length <= LONGEST) return value;
  throw new Failure(
    `standard input: more than ${LONGEST} bytes`,
    'no authorization value is longer: is it the right one?',
  );
}
