import { writeFile } from 'node:fs/promises';
import { type HashAlgorithm, hashAlgorithms, hashId, hashSize } from 'node-tpm2-pts';
import type { EventLog } from '../measurement/event-log/format.ts';
import { referenceFile } from '../measurement/evidence/reference.ts';
import { eventListing, eventsJson } from '../measurement/formats/event-listing.ts';
import { pcrlockFile } from '../measurement/formats/json-records.ts';
import { type ExitStatus, type Input, type Terminal, UsageError } from './command.ts';
import { failing } from './failing.ts';
import { showingProblems } from './manifest-problems.ts';
import { type PredictedPlatform, predictedPlatform } from './predicted-platform.ts';

/** `domb predict MANIFEST` */
export async function run(input: Input, terminal: Terminal): Promise<ExitStatus> {
  const [file = '-'] = input.arguments;
  const banks = chosenBanks(input);
  const [asJson, asPcrlock] = [input.flags.has('json'), input.flags.has('pcrlock')];
  if (asJson && asPcrlock)
    throw new UsageError('--json and --pcrlock exclude each other', 'choose');
  return showingProblems(terminal, async () => {
    const platform = await failing(() => predictedPlatform(file, input, terminal, banks));
    const log = predictedLog(platform);
    if (asPcrlock) terminal.write(pcrlockFile(log.events));
    else if (asJson) terminal.write(`${JSON.stringify(eventsJson(log), null, 2)}\n`);
    else terminal.write(eventListing(log));
    const output = input.values.get('reference-out');
    if (output !== undefined) await failing(() => writeFile(output, referenceOf(platform)));
    return 0;
  });
}

function chosenBanks({ values }: Input): readonly HashAlgorithm[] | undefined {
  const names = values.get('banks')?.split(',');
  if (names === undefined) return undefined;
  const banks = names.map((name) => {
    const bank = hashAlgorithms.find((known) => known === name);
    if (bank !== undefined) return bank;
    throw new UsageError(`there is no bank "${name}"`, `choose from ${hashAlgorithms.join(',')}`);
  });
  return [...new Set(banks)];
}

/** The events as one log: firmware's, as far as they are predicted, then domB's. */
function predictedLog({ banks, boot, firmwareEvents }: PredictedPlatform): EventLog {
  const algorithms = banks.map((name) => ({ id: hashId(name), size: hashSize(name), name }));
  return { algorithms, events: [...firmwareEvents, ...boot.events] };
}

function referenceOf({ manifest, boot, firmwarePcrs }: PredictedPlatform): string {
  const { pcr, bootPcr } = manifest.platform.measurement;
  return referenceFile({ pcr, bootPcr, items: boot.items, pcrs: firmwarePcrs });
}
