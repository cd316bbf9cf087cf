import { pcrBanks, Tpm } from 'node-tpm2-pts';
import type { FailureRecord } from '../measurement/measurement-log.ts';
import { spoilPcr } from '../measurement/spoil.ts';
import { explain } from './failure.ts';
import { errorDetails } from './measured-items.ts';
import type { BootState } from './state.ts';

/**
 * Sees to it that no failed boot leaves a register that somebody could take for that of a good one, or extend to it. Error
 * and cap go into the logs; where a log is missing or broken, or says already that all is well, into the registers alone.
 * Once the TPM is released no kernel is left that could do it, and the machine ends with what was started.
 */
export async function sealFailure(state: BootState): Promise<void> {
  const { settings, log, failure } = state;
  const what = failure?.what ?? 'unknown';
  const details = failure ? errorDetails(failure) : { what };
  const { pcr, bootPcr } = settings;
  // Without a TPM the logs, which write through it, are of no use either.
  const tpm = state.tpm ?? (await reopened(state));
  if (!tpm) return;
  const [main, boot] = state.tpm
    ? [state.measurementsIfOpen, state.bootMeasurementsIfOpen]
    : [undefined, undefined];
  const seal = async (name: string, end: () => Promise<FailureRecord>) => {
    try {
      const unlogged = (await end()) === 'unlogged' ? ', which is in no log' : '';
      log.logger.error(`PCR ${name}${unlogged}`);
    } catch (error) {
      log.logger.error(`failed: PCR ${name}: ${explain(error).what}`);
    }
  };
  await seal(
    `${pcr} is capped with an error event`,
    () => main?.fail(details) ?? spoil(tpm, pcr, what),
  );
  // What differs at each boot has no good value to protect.
  await seal(`${bootPcr} is capped`, () => boot?.fail() ?? spoil(tpm, bootPcr, what));
}

async function spoil(tpm: Tpm, pcr: number, what: string): Promise<FailureRecord> {
  const banks = (await pcrBanks(tpm)).filter(({ pcrs }) => pcrs.includes(pcr));
  await spoilPcr(tpm, { pcr, banks: banks.map(({ bank }) => bank) }, what);
  return 'unlogged';
}

async function reopened({ machine }: BootState): Promise<Tpm | undefined> {
  try {
    return new Tpm(await machine.openTpm());
  } catch {
    return undefined;
  }
}
