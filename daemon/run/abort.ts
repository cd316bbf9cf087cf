import type { FailureAction } from '../../boot-configs/manifest.ts';
import { explain } from '../plan/failure.ts';
import { recover } from '../plan/recover.ts';
import { execute } from './execute.ts';
import { prospectOf } from './recovery.ts';
import { sealFailure } from './seal-failure.ts';
import { type BootState, type EarlyState, isRead } from './state.ts';
import { failureText, recordOf, StepFailure, wishOf } from './step-failure.ts';
import { manifestSteps } from './steps.ts';

/**
 * Ends a boot that failed: in its recovery domain, where the manifest wants that and it is possible, else by halting or
 * rebooting the machine. Nothing of the boot is left in any case, and the PCR is capped with an error event.
 */
export async function abort(state: EarlyState, error: unknown): Promise<void> {
  state.failure = recordOf(error);
  state.log.logger.error(failureText(state.failure));
  const wanted = wantedAfter(state, error);
  if (wanted !== 'recovery') return end(state, wanted);
  if (isRead(state) && (await recovered(state, error))) state.machine.end('halt');
  else await end(state, 'halt');
}

/** What the manifest says for this failure, or the boot image when there is no manifest yet. */
function wantedAfter({ manifest, settings }: EarlyState, error: unknown): FailureAction {
  const own = error instanceof StepFailure ? wishOf(error) : undefined;
  return own ?? manifest?.platform.onFailure ?? settings.onFailure;
}

/** Tries to end the boot in its recovery domain; true when that runs and domB has nothing left to do. */
async function recovered(state: BootState, error: unknown): Promise<boolean> {
  const { logger } = state.log;
  try {
    const { recovery, domains } = state.manifest;
    if (!recovery) throw new Error('recovery is wanted, but there is no recovery domain');
    // Outside of the steps nobody knows what is still under way.
    const prospect =
      error instanceof StepFailure
        ? prospectOf(state, recovery)
        : { obstacle: 'what failed was none of the steps' };
    if ('obstacle' in prospect) {
      logger.error(`no recovery: ${prospect.obstacle}`);
      return false;
    }
    const { created, keyMade } = state;
    const made = domains.filter(({ domid }) =>
      created.some((ours) => ours.domid === domid && !ours.hardware),
    );
    logger.warn(`the boot failed and goes on to the recovery domain ${recovery.name}`);
    const phases = recover(state.manifest, { domains: made, ...prospect, keyMade });
    await execute(phases, state, manifestSteps);
    return true;
  } catch (second) {
    logger.error(`the recovery failed, too: ${failureText(recordOf(second))}`);
    return false;
  }
}

/** Leaves nothing behind, and the machine to nobody. Each part is tried even when an earlier one fails, and says so. */
async function end(state: EarlyState, how: 'halt' | 'reboot'): Promise<void> {
  const { logger } = state.log;
  const attempt = async (name: string, part: () => unknown) => {
    try {
      await part();
    } catch (failure) {
      logger.error(`${name}: ${explain(failure).what}`);
    }
  };
  // Before the manifest is read there is nothing.
  const left = isRead(state) ? leftDomains(state) : { others: [] };
  for (const domid of left.others) {
    await attempt(`destroying domain ${domid}`, () => state.hypervisor?.destroy(domid));
  }
  await attempt('recording the failure in the PCR', () => sealFailure(state));
  logger.error(how === 'halt' ? 'the machine halts' : 'the machine reboots');
  const { hardware } = left;
  if (hardware !== undefined) {
    await attempt('ending the platform', () => state.hypervisor?.endPlatform(hardware, how));
  }
  state.machine.end(how);
}

/** Domids of what this boot has made. The hardware domain goes down with the platform: without one, Xen has nobody to end it. */
interface LeftDomains {
  others: number[];
  hardware?: number;
}

function leftDomains(state: BootState): LeftDomains {
  const isHardware = (domid: number) =>
    state.manifest.domains.some(
      (domain) => domain.domid === domid && domain.capabilities.includes('hardware'),
    );
  const left = domidsLeft(state);
  const hardware = left.find(isHardware);
  return {
    others: left.filter((domid) => !isHardware(domid)),
    ...(hardware === undefined ? {} : { hardware }),
  };
}

/**
 * What was made whole or half; those that were there before, which ended the boot, are somebody else's. Xen knows best, and
 * when it does not answer, what was noted down has to do.
 */
function domidsLeft({ hypervisor, bootDomid, created }: BootState): number[] {
  try {
    const there = hypervisor.domains().map(({ domid }) => domid);
    return there.filter((domid) => domid !== bootDomid);
  } catch {
    return created.map(({ domid }) => domid);
  }
}
