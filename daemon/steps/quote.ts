import { bootNonce, collectEvidence } from '../../measurement/evidence/evidence.ts';
import type { BootState } from '../state.ts';

/** The boot quote: taken by domB itself, before any other kernel can touch the TPM. */
export async function quotePcrs(state: BootState): Promise<string> {
  const { measurements, bootMeasurements, tpm } = state;
  if (!tpm) throw new Error('the PCRs are quoted before the TPM is open');
  const logs = { log: measurements.bytes(), bootLog: bootMeasurements.bytes() };
  const { banks } = measurements.target;
  const pcrs = [...measurements.pcrs, ...bootMeasurements.pcrs];
  const evidence = await collectEvidence(tpm, { ...logs, pcrs, banks, nonce: bootNonce(logs) });
  state.evidenceIfQuoted = evidence;
  const certificate = evidence.ekCertificate ? 'with' : 'without';
  return `PCR 0 to 7, ${pcrs.join(', ')}, ${certificate} an EK certificate`;
}
