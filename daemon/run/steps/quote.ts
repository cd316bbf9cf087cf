import { takeBootQuote } from '../../../measurement/evidence/boot-key.ts';
import { bootQuoteProblems } from '../../../measurement/evidence/boot-quote.ts';
import {
  bootNonce,
  collectEvidence,
  type Evidence,
  FIRMWARE_PCRS,
} from '../../../measurement/evidence/evidence.ts';
import { readMeasurementLog } from '../../../measurement/evidence/read-log.ts';
import { BootFailure } from '../../plan/failure.ts';
import type { BootState } from '../state.ts';

/** The warning has said why, when this was measured. */
const NO_KEY = 'left out: there is no attestation key';

/**
 * What shows that domB itself quoted: once the caps are there, and before any domain runs, nobody can make this quote any more.
 */
export async function quoteBeforeCaps(state: BootState): Promise<string> {
  if (state.missingKey) return NO_KEY;
  const { banks } = state.measurements.target;
  const pcrs = [...FIRMWARE_PCRS, ...measuredPcrs(state)];
  const nonce = bootNonce(logsOf(state));
  state.bootQuote = await takeBootQuote(state.tpm, { pcrs, banks, nonce });
  return state.bootQuote
    ? `PCR 0 to 7, ${measuredPcrs(state).join(', ')}, by a key that quotes no other values`
    : 'left out: the TPM has no bank stronger than SHA-1';
}

/** The quote of the capped registers: taken by domB itself, before any other kernel can touch the TPM. */
export async function quotePcrs(state: BootState): Promise<string> {
  if (state.missingKey) return NO_KEY;
  const { banks } = state.measurements.target;
  const { bootQuote, firmwareLog } = state;
  const logs = logsOf(state);
  const pcrs = measuredPcrs(state);
  const evidence = await collectEvidence(state.tpm, {
    ...{ ...logs, firmwareLog, pcrs, banks, bootQuote },
    nonce: bootNonce(logs),
  });
  refuseUnusable(evidence);
  state.evidence = evidence;
  const certificate = evidence.ekCertificate ? 'with' : 'without';
  return `PCR 0 to 7, ${pcrs.join(', ')}, ${certificate} an EK certificate`;
}

function logsOf({ measurements, bootMeasurements }: BootState) {
  return { log: measurements.bytes(), bootLog: bootMeasurements.bytes() };
}

function measuredPcrs({ measurements, bootMeasurements }: BootState): number[] {
  return [...measurements.pcrs, ...bootMeasurements.pcrs];
}

/** A verifier would refuse it later, when nobody can make another. */
function refuseUnusable(evidence: Evidence): void {
  const { bootQuote, bootLog } = evidence;
  if (bootQuote === undefined) return;
  const log = readMeasurementLog(evidence.log);
  const other = bootLog && readMeasurementLog(bootLog);
  const [problem] = bootQuoteProblems({ evidence, bootQuote, log, bootLog: other });
  if (problem === undefined) return;
  throw new BootFailure(
    `the quote of before the caps does not verify: ${problem}`,
    'start again; when it stays so, see whether something else uses the TPM, or whether it is defective',
  );
}
