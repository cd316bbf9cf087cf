import { bringUp, launch, plan, prepare, read } from '../plan/boot.ts';
import type { ManifestOperation, Phase } from '../plan/operations.ts';
import { paths } from '../plan/settings.ts';
import { abort } from './abort.ts';
import { execute } from './execute.ts';
import { parseSettings } from './parse-settings.ts';
import { type BootState, type EarlyState, isOpen, isRead } from './state.ts';
import { type FailedStep, StepFailure } from './step-failure.ts';
import { manifestSteps, openingSteps, readingSteps } from './steps.ts';

/**
 * A whole boot, from the settings in the boot image to the end of this domain. A failure ends it as the manifest says, or the
 * boot image as long as no manifest was read.
 */
export async function runBoot(state: EarlyState): Promise<void> {
  const { machine } = state;
  try {
    state.settings = parseSettings((await machine.readFile(paths.settings)).toString());
    await runPhases(state);
    machine.end('halt');
  } catch (error) {
    await abort(state, error);
  }
}

async function runPhases(state: EarlyState): Promise<void> {
  const reading = read(state.settings);
  // How many there will be in all is for the manifest to say.
  const of = `${bringUp.length + reading.length} before the manifest`;
  await execute(bringUp, state, openingSteps, { first: 1, of });
  if (!isOpen(state)) throw new Error('the phase "open" left something closed');
  await execute(reading, state, readingSteps, { first: bringUp.length + 1, of });
  if (!isRead(state)) throw new Error('the phase "read" read no manifest');
  await runManifest(state);
}

async function runManifest(state: BootState): Promise<void> {
  const { manifest, settings } = state;
  const all = plan(manifest, settings).length;
  const run = (phases: readonly Phase<ManifestOperation>[], first: number) =>
    execute(phases, state, manifestSteps, { first, of: `${all}` });

  const atLaunch = all - launch(manifest).length + 1;
  try {
    await run(prepare(manifest), atLaunch - prepare(manifest).length);
  } catch (error) {
    // A recovery domain that can't be made ends the boot; what else can't be is told along with it.
    if (!isFault(error) || manifest.scripts.some(({ at }) => at === 'before_planning')) throw error;
    // Not what is looked at once domains are there.
    const phases = launch(manifest);
    const checks = phases.findIndex((phase) => !phase.checks);
    throw await withFaultsOf(error, () => run(phases.slice(0, checks), atLaunch));
  }
  // Scripts may have changed the manifest.
  await run(launch(state.manifest, state.changes), atLaunch);
}

/** Whether a boot failed since this Xen or this machine can't give a domain what it wants. */
function isFault(error: unknown): error is StepFailure {
  const checks = ({ operation }: FailedStep) => operation.do === 'check-domain';
  return error instanceof StepFailure && error.failed.every(checks);
}

async function withFaultsOf(failure: StepFailure, check: () => Promise<void>): Promise<unknown> {
  try {
    await check();
    return failure;
  } catch (others) {
    if (!(others instanceof StepFailure)) return failure;
    return new StepFailure(others.phase, [...failure.failed, ...others.failed]);
  }
}
