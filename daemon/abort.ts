import { StepFailure } from './execute.ts';
import { explain } from './failure.ts';
import { sealFailure } from './seal-failure.ts';
import type { BootState } from './state.ts';

/**
 * Ends a boot that failed. Nothing half-started stays: domains that run or wait are destroyed, the PCR gets an error
 * event and the cap (unless it is capped), and the platform halts or reboots. Each part is tried even when an earlier
 * one fails, and says so.
 */
export async function abort(state: BootState, error: unknown): Promise<void> {
  const { logger } = state.log;
  const where = error instanceof StepFailure ? error.message : 'domB failed outside of any step';
  const { what, hint } = explain(error instanceof StepFailure ? error.cause : error);
  logger.error(`${where}\n${what}\nwhat to do: ${hint}`);

  const attempt = async (name: string, part: () => unknown) => {
    try {
      await part();
    } catch (failure) {
      logger.error(`${name}: ${explain(failure).what}`);
    }
  };
  const how = state.manifestIfRead?.platform.onFailure ?? state.settings.onFailure;
  const hardware = state.created.find((domain) => domain.hardware);
  for (const domain of state.created) {
    // The hardware domain goes down with the platform: without one, Xen has nobody to end it.
    if (domain === hardware) continue;
    await attempt(`destroying ${domain.name}`, () => state.hypervisor.destroy(domain.domid));
  }
  await attempt('recording the failure in the PCR', () => sealFailure(state, `${where}: ${what}`));
  logger.error(how === 'halt' ? 'the machine halts' : 'the machine reboots');
  if (hardware) {
    await attempt('ending the platform', () => state.hypervisor.endPlatform(hardware.domid, how));
  }
  state.machine.end(how);
}
