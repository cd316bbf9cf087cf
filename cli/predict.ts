import { writeFile } from 'node:fs/promises';
import { type HashAlgorithm, hashAlgorithms, hashId, hashSize } from 'node-tpm2-pts';
import type { EventLog } from '../measurement/event-log/format.ts';
import { FIRMWARE_PCRS } from '../measurement/evidence/evidence.ts';
import { firmwareEvents as keptEvents } from '../measurement/evidence/firmware-events.ts';
import { referenceFile } from '../measurement/evidence/reference.ts';
import { eventLines, eventsJson, wholeLog } from '../measurement/formats/event-listing.ts';
import { pcrlockFile } from '../measurement/formats/json-records.ts';
import { wholeChain, writeChainFile } from './chain-file.ts';
import { type ExitStatus, type Input, type Terminal, UsageError } from './command.ts';
import { platformState } from './expected-states.ts';
import { failing } from './failing.ts';
import { writing } from './output.ts';
import { showGuest } from './predicted-guest.ts';
import { type PredictedPlatform, predictedPlatform } from './predicted-platform.ts';
import { showReference } from './predicted-reference.ts';

/** `domb predict MANIFEST`, or of a reference */
export async function run(input: Input, terminal: Terminal): Promise<ExitStatus> {
  const [file] = input.arguments;
  const banks = chosenBanks(input);
  if (input.values.has('reference')) return showReference(input, terminal, banks);
  if (file === undefined) throw new UsageError('predict needs MANIFEST', 'name it beside --images');
  if (input.values.has('guest')) return showGuest(file, input, terminal);
  if (input.values.has('uuid')) {
    throw new UsageError('--uuid is of no use alone', 'name the guest with --guest');
  }
  if (input.flags.has('allow-unsigned')) {
    throw new UsageError('--allow-unsigned is for references', 'leave it out');
  }
  const form = chosenForm(input);
  const wanted = banks ?? (form === 'pcr-file' ? (['sha256'] as const) : undefined);
  const platform = await failing(() => predictedPlatform(file, input, terminal, wanted));
  const sealable =
    form === 'pcr-file' || form === 'pcrlock'
      ? await failing(async () => {
          const state = await platformState(platform, file, input);
          return wholeChain(() => state, platform.banks, input);
        })
      : undefined;
  const output = input.values.get('reference-out');
  if (output !== undefined) {
    await writing(output, () => writeFile(output, referenceOf(platform)));
  }
  const log = predictedLog(platform);
  if (form === 'pcr-file' && sealable) await writeChainFile(input, sealable, terminal);
  else if (form === 'pcrlock') terminal.write(pcrlockFile(log.events));
  else if (form === 'json')
    terminal.write(`${JSON.stringify(eventsJson(wholeLog(log)), null, 2)}\n`);
  else terminal.write([...eventLines(wholeLog(log))].join(''));
  return 0;
}

/** What is written: events and values for people or programs, or what secrets are sealed to. */
function chosenForm({ flags, values }: Input): 'text' | 'json' | 'pcrlock' | 'pcr-file' {
  const forms = (['json', 'pcrlock', 'pcr-file'] as const).filter(
    (name) => flags.has(name) || values.has(name),
  );
  const [form = 'text', other] = forms;
  if (other !== undefined) {
    throw new UsageError(`--${form} and --${other} exclude each other`, 'choose one');
  }
  if (values.has('without') && (form === 'text' || form === 'json')) {
    throw new UsageError('--without is of no use alone', 'it is for --pcrlock and --pcr-file');
  }
  return form;
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

function referenceOf({ manifest, boot, firmwarePcrs, firmwareEvents }: PredictedPlatform): string {
  const { pcr, bootPcr } = manifest.platform.measurement;
  return referenceFile({
    ...{ pcr, bootPcr, items: boot.items, pcrs: firmwarePcrs },
    firmwareEvents: keptEvents(firmwareEvents, new Set(FIRMWARE_PCRS)),
  });
}
