import { writeFile } from 'node:fs/promises';
import { type HashAlgorithm, hashAlgorithms } from 'node-tpm2-pts';
import { DEFAULT_PCR } from '../boot-configs/pcrs.ts';
import { EventLogError } from '../measurement/event-log/format.ts';
import { FIRMWARE_PCRS, readEvidence } from '../measurement/evidence/evidence.ts';
import { compareFirmwareLog } from '../measurement/evidence/firmware-log.ts';
import {
  type FirmwareReference,
  firmwareReferenceFile,
  learnFirmware,
  UNPREDICTABLE_PCRS,
} from '../measurement/evidence/firmware-reference.ts';
import { readMeasurementLog } from '../measurement/evidence/read-log.ts';
import type { GapId, Verdict } from '../measurement/evidence/verdict.ts';
import { verifyEvidence } from '../measurement/evidence/verify.ts';
import { requiredValue } from './arguments.ts';
import { type ExitStatus, Failure, type Input, type Terminal, UsageError } from './command.ts';
import { checkKeyUsage, expectedKey, expectedNonce } from './expectation.ts';
import { failing } from './failing.ts';
import { writing } from './output.ts';
import { safe } from './text.ts';

/** Through these a lie could come into what is learned; the others are about what booted on top. */
const CONCERNING: readonly GapId[] = ['nonce', 'key'];

/** `domb reference --learn EVIDENCE` */
export async function run(input: Input, terminal: Terminal): Promise<ExitStatus> {
  const nonce = expectedNonce(input);
  const pcrs = chosenPcrs(input);
  checkKeyUsage(input);
  const directory = requiredValue(input, 'learn');
  const output = input.values.get('output') ?? 'machine.firmware';
  return failing(async (): Promise<ExitStatus> => {
    const evidence = await readEvidence(directory);
    const { firmwareLog } = evidence;
    if (firmwareLog === undefined) {
      throw new Failure(
        `${directory}: there is no firmware.log`,
        'the platform must start from firmware that measures, and a TPM; see docs/architecture.md, "Firmware chain"',
      );
    }
    const verdict = verifyEvidence(evidence, {
      ...{ nonce, pcr: measuredPcr(evidence.log) },
      ...(await expectedKey(input)),
    });
    if (refused(verdict, terminal)) return 3;
    const { events } = compareFirmwareLog(firmwareLog, evidence.pcrs);
    const learned = learnFirmware(events, pcrs);
    terminal.write(review(learned, pcrs));
    for (const { gap, says } of verdict.gaps.filter((each) => CONCERNING.includes(each.gap))) {
      terminal.writeError(`domb: ${gap}: ${safe(says)}\n`);
    }
    await writing(output, () => writeFile(output, firmwareReferenceFile(learned)));
    terminal.write(
      `${output}: PCR ${pcrs.join(', ')} in ${[...learned.pcrs.keys()].join(', ')}. Review the events, then sign the file.\n`,
    );
    return 0;
  });
}

function chosenPcrs({ values }: Input): readonly number[] {
  const list = values.get('pcrs');
  if (list === undefined) return UNPREDICTABLE_PCRS;
  const pcrs = list.split(',').map((text) => {
    const pcr = FIRMWARE_PCRS.find((known) => String(known) === text);
    if (pcr !== undefined) return pcr;
    throw new UsageError(`--pcrs: "${text}" is none of the firmware's`, 'choose from 0 to 7');
  });
  return [...new Set(pcrs)].sort((a, b) => a - b);
}

/** The register that the log is of; a log that cannot be read is for the verdict to refuse. */
function measuredPcr(log: Buffer): number {
  try {
    return readMeasurementLog(log).target.pcr;
  } catch (error) {
    if (error instanceof EventLogError) return DEFAULT_PCR;
    throw error;
  }
}

/** Says what is wrong with the evidence, if anything is. Nothing is learned of it then. */
function refused({ outcome, findings }: Verdict, terminal: Terminal): boolean {
  if (outcome !== 'refused') return false;
  for (const { says } of findings.filter(({ ok }) => !ok)) {
    terminal.writeError(`WRONG        ${safe(says)}\n`);
  }
  terminal.writeError('domb: nothing is learned of evidence that is refused\n');
  return true;
}

/** All that was learned, for somebody who has to say whether it is what this machine should measure. */
function review({ events, pcrs: values }: FirmwareReference, pcrs: readonly number[]): string {
  const bank = shownBank(values);
  const width = Math.max(...events.map(({ type }) => type.length));
  return pcrs
    .map((pcr) => {
      const own = events.filter((event) => event.pcr === pcr);
      const lines = own.map(({ type, digests, text }, i) => {
        const hex = digests.get(bank)?.toString('hex') ?? '';
        return `${String(i + 1).padStart(3)}  ${type.padEnd(width)}  ${hex}  ${text}`.trimEnd();
      });
      const held = values.get(bank)?.get(pcr)?.toString('hex');
      return `PCR ${pcr}, ${bank}:${held}\n${lines.join('\n')}\n`;
    })
    .join('\n');
}

function shownBank(values: FirmwareReference['pcrs']): HashAlgorithm {
  const banks = hashAlgorithms.filter((bank) => bank !== 'sha1' && values.has(bank));
  return banks.find((bank) => bank === 'sha256') ?? banks[0] ?? 'sha256';
}
