import { pcrBanks, Tpm } from 'node-tpm2-pts';
import type { FailureRecord } from '../../measurement/measurement-log.ts';
import { spoilPcr } from '../../measurement/spoil.ts';
import { explain } from '../plan/failure.ts';
import { errorDetails } from '../plan/measured-items.ts';
import type { EarlyState } from './state.ts';

/**
 * Sees to it that no failed boot leaves a register that somebody could take for that of a good one, or extend to it. Error
 * and cap go into the logs; where a log is missing or broken, or says already that all is well, into the registers alone.
 * Once the TPM is released no kernel is left that could do it, and the machine ends with what was started.
 */
export async function sealFailure(state: EarlyState): Promise<void> {
  const { settings, log, failure } = state;
  const what = failure?.what ?? 'unknown';
  const details = failure ? errorDetails(failure) : { what };
  const { pcr, bootPcr } = settings;
  // Without a TPM the logs, which write through it, are of no use either.
  const held = state.tpmReleased ? undefined : state.tpm;
  const tpm = held ?? (await reopened(state));
  if (!tpm) {
    log.logger.error(`PCR ${pcr} and ${bootPcr} are NOT capped: the TPM can't be opened`);
    return;
  }
  const [main, boot] = held ? [state.measurements, state.bootMeasurements] : [];
  const seal = async (register: number, how: string, end: () => Promise<FailureRecord>) => {
    try {
      const unlogged = (await end()) === 'unlogged' ? ', which is in no log' : '';
      log.logger.error(`PCR ${register} is ${how}${unlogged}`);
    } catch (error) {
      // Not in the words of success: whoever reads quickly must not take one for the other.
      const { what: why, hint } = explain(error);
      log.logger.error(`PCR ${register} is NOT capped: ${why} (${hint})`);
    }
  };
  await seal(pcr, 'capped with an error event', () => main?.fail(details) ?? spoil(tpm, pcr, what));
  // What differs at each boot has no good value to protect.
  await seal(bootPcr, 'capped', () => boot?.fail() ?? spoil(tpm, bootPcr, what));
}

async function spoil(tpm: Tpm, pcr: number, what: string): Promise<FailureRecord> {
  const banks = (await pcrBanks(tpm)).filter(({ pcrs }) => pcrs.includes(pcr));
  await spoilPcr(tpm, { pcr, banks: banks.map(({ bank }) => bank) }, what);
  return 'unlogged';
}

async function reopened({ machine }: EarlyState): Promise<Tpm | undefined> {
  try {
    return new Tpm(await machine.openTpm());
  } catch {
    return undefined;
  }
}
