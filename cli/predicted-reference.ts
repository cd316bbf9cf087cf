import { type HashAlgorithm, hashId, hashSize, type PcrValues } from 'node-tpm2-pts';
import type { Reference } from '../measurement/evidence/reference.ts';
import {
  eventLines,
  eventsJson,
  pcrsJson,
  wholeLog,
} from '../measurement/formats/event-listing.ts';
import { predict } from '../measurement/predict.ts';
import { referenceState } from '../measurement/sealing/expected-state.ts';
import { wholeChain, writeChainFile } from './chain-file.ts';
import { type ExitStatus, type Input, type Terminal, UsageError } from './command.ts';
import { failing } from './failing.ts';
import { USUAL_BANKS } from './predicted-platform.ts';
import { referenceFrom } from './reference-input.ts';

/** The options of `domb predict` that a reference has an answer to. */
const answered = ['reference', 'key', 'allow-unsigned', 'banks', 'json', 'pcr-file', 'without'];

/** `domb predict --reference FILE`: the events of its items, and the PCR values that it expects. */
export async function showReference(
  input: Input,
  terminal: Terminal,
  chosen: readonly HashAlgorithm[] | undefined,
): Promise<ExitStatus> {
  checkReferenceUsage(input);
  const { values, flags } = input;
  const reference = await failing(() => referenceFrom(values.get('reference') ?? '', input));
  if (values.has('pcr-file')) {
    const state = (bank: HashAlgorithm) =>
      referenceState(reference, bank, values.get('reference') ?? '');
    const chain = await failing(() => wholeChain(state, chosen ?? ['sha256'], input));
    await writeChainFile(input, chain, terminal);
    return 0;
  }
  const banks = chosen ?? banksOf(reference);
  const algorithms = banks.map((name) => ({ id: hashId(name), size: hashSize(name), name }));
  const { events, pcrs } = predict(reference.items, { pcr: reference.pcr, banks });
  const log = wholeLog({ algorithms, events });
  const further = new Map([...reference.pcrs].filter(([bank]) => banks.includes(bank)));
  if (flags.has('json')) {
    const shown = { ...eventsJson(log), pcrs: pcrsJson(together(banks, further, pcrs)) };
    terminal.write(`${JSON.stringify(shown, null, 2)}\n`);
  } else terminal.write([...eventLines(log), ...furtherLines(further)].join(''));
  return 0;
}

function checkReferenceUsage({ arguments: [manifest], flags, values }: Input): void {
  if (manifest !== undefined) {
    throw new UsageError('a manifest and --reference exclude each other', 'choose one');
  }
  if (flags.has('json') && values.has('pcr-file')) {
    throw new UsageError('--json and --pcr-file exclude each other', 'choose one');
  }
  if (values.has('without') && !values.has('pcr-file')) {
    throw new UsageError('--without is of no use alone', 'it is for --pcr-file');
  }
  const other = [...flags, ...values.keys()].find((name) => !answered.includes(name));
  if (other === undefined) return;
  throw new UsageError(
    `--${other} is for a manifest, not for a reference`,
    'leave it out, or give the manifest and its images',
  );
}

/** The banks in which firmware's values are known, as all are then; the usual ones where none is. */
function banksOf({ pcrs }: Reference): readonly HashAlgorithm[] {
  return pcrs.size > 0 ? [...pcrs.keys()] : USUAL_BANKS;
}

function together(banks: readonly HashAlgorithm[], ...parts: PcrValues[]): PcrValues {
  return new Map(
    banks.map((bank) => [bank, new Map(parts.flatMap((part) => [...(part.get(bank) ?? [])]))]),
  );
}

/** Values whose events a reference does not have. */
function* furtherLines(pcrs: PcrValues): Generator<string, void> {
  if (pcrs.size > 0) yield "Firmware's PCR values\n";
  for (const [bank, values] of pcrs) {
    yield `  ${bank}\n`;
    for (const [pcr, value] of [...values].sort(([a], [b]) => a - b)) {
      yield `    ${String(pcr).padStart(2)}  ${value.toString('hex')}\n`;
    }
  }
}
