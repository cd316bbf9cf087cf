import { writeFile } from 'node:fs/promises';
import { type HashAlgorithm, type PcrValues, pcrFile } from 'node-tpm2-pts';
import { chainValues } from '../measurement/sealing/chain.ts';
import type { ExpectedState } from '../measurement/sealing/expected-state.ts';
import { registersText } from '../measurement/sealing/sealed-policy.ts';
import type { Input, Terminal } from './command.ts';
import { openGaps } from './expected-states.ts';
import { writing } from './output.ts';

/** The registers of the whole chain, in each bank, as "domb seal" takes them. */
export function wholeChain(
  state: (bank: HashAlgorithm) => ExpectedState,
  banks: readonly HashAlgorithm[],
  input: Input,
): PcrValues {
  const without = openGaps(input);
  return new Map(banks.flatMap((bank) => [...chainValues(state(bank), { bank, without })]));
}

/** What tpm2_policypcr takes: the values in the file of --pcr-file, and for -l which they are. */
export async function writeChainFile(
  { values }: Input,
  chain: PcrValues,
  terminal: Terminal,
): Promise<void> {
  const output = values.get('pcr-file') ?? '';
  await writing(output, () => writeFile(output, pcrFile(chain)));
  terminal.write(`${registersText(chain)}\n`);
}
