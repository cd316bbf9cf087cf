import type { FailureAction } from '../boot-configs/manifest.ts';
import { recover } from './boot.ts';
import { execute, StepFailure } from './execute.ts';
import { explain } from './failure.ts';
import { prospectOf } from './recovery.ts';
import { sealFailure } from './seal-failure.ts';
import type { BootFailureRecord, BootState } from './state.ts';

/**
 * Ends a boot that failed: in its recovery domain, where the manifest wants that and it is possible, else by halting or
 * rebooting the machine. Nothing of the boot is left in any case, and the PCR is capped with an error event.
 */
export async function abort(state: BootState, error: unknown): Promise<void> {
  state.failure = recordOf(error);
  const { logger } = state.log;
  logger.error(`${state.failure.what}\nwhat to do: ${state.failure.hint}`);
  const wanted = wantedAfter(state, error);
  if (wanted !== 'recovery') return end(state, wanted);
  if (await recovered(state, error)) state.machine.end('halt');
  else await end(state, 'halt');
}

/** What the manifest says for this failure, or the boot image when there is no manifest yet. */
function wantedAfter({ manifestIfRead, settings }: BootState, error: unknown): FailureAction {
  const own = error instanceof StepFailure ? error.domain?.onFailure : undefined;
  return own ?? manifestIfRead?.platform.onFailure ?? settings.onFailure;
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
    await execute(recover(state.manifest, { domains: made, ...prospect, keyMade }), state);
    return true;
  } catch (second) {
    const { what, hint } = recordOf(second);
    logger.error(`the recovery failed, too: ${what}\nwhat to do: ${hint}`);
    return false;
  }
}

/** Leaves nothing behind, and the machine to nobody. Each part is tried even when an earlier one fails, and says so. */
async function end(state: BootState, how: 'halt' | 'reboot'): Promise<void> {
  const { logger } = state.log;
  const attempt = async (name: string, part: () => unknown) => {
    try {
      await part();
    } catch (failure) {
      logger.error(`${name}: ${explain(failure).what}`);
    }
  };
  const hardware = state.manifestIfRead?.domains.find(({ capabilities }) =>
    capabilities.includes('hardware'),
  )?.domid;
  const left = domainsLeft(state);
  for (const domid of left) {
    // The hardware domain goes down with the platform: without one, Xen has nobody to end it.
    if (domid === hardware) continue;
    await attempt(`destroying domain ${domid}`, () => state.hypervisor.destroy(domid));
  }
  await attempt('recording the failure in the PCR', () => sealFailure(state));
  logger.error(how === 'halt' ? 'the machine halts' : 'the machine reboots');
  if (hardware !== undefined && left.includes(hardware)) {
    await attempt('ending the platform', () => state.hypervisor.endPlatform(hardware, how));
  }
  state.machine.end(how);
}

/**
 * The domids of what this boot has made, whole or half; those that were there before, which ended the boot, are somebody
 * else's. Xen knows best, and when it does not answer, what was noted down has to do.
 */
function domainsLeft(state: BootState): number[] {
  if (!state.manifestIfRead) return [];
  try {
    const there = state.hypervisor.domains().map(({ domid }) => domid);
    return there.filter((domid) => domid !== state.bootDomid);
  } catch {
    return state.created.map(({ domid }) => domid);
  }
}

function recordOf(error: unknown): BootFailureRecord {
  if (!(error instanceof StepFailure)) {
    const { what, hint } = explain(error);
    return { what: `domB failed outside of any step: ${what}`, hint };
  }
  const { phase, step, domain, cause, message } = error;
  const { what, hint } = explain(cause);
  return {
    phase,
    step,
    ...(domain ? { domain: domain.name } : {}),
    what: `${message}: ${what}`,
    hint,
  };
}
