import { bootNonce, collectEvidence } from '../../measurement/evidence/evidence.ts';
import type { BootState } from '../state.ts';

/** The boot quote: taken by domB itself, before any other kernel can touch the TPM. */
export async function quotePcrs(state: BootState): Promise<string> {
  const { measurements, tpm } = state;
  if (!tpm) throw new Error('the PCRs are quoted before the TPM is open');
  const log = measurements.bytes();
  const { pcr, banks } = measurements.target;
  const evidence = await collectEvidence(tpm, { log, pcr, banks, nonce: bootNonce(log) });
  state.evidenceIfQuoted = evidence;
  const certificate = evidence.ekCertificate ? 'with' : 'without';
  return `PCR 0 to 7 and ${pcr}, ${certificate} an EK certificate`;
}
