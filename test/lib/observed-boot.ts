import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SimulatedHypervisor } from '../../bindings/simulator.ts';
import type { Manifest } from '../../boot-configs/manifest.ts';
import type { Consumer } from '../../boot-configs/properties/property.ts';
import { domainProperties } from '../../boot-configs/properties/table.ts';
import { bringUp, launch, plan, prepare, read } from '../../daemon/plan/boot.ts';
import { explain } from '../../daemon/plan/failure.ts';
import { nameOf } from '../../daemon/plan/operations.ts';
import { paths } from '../../daemon/plan/settings.ts';
import { abort } from '../../daemon/run/abort.ts';
import { execute } from '../../daemon/run/execute.ts';
import { openDaemonLog } from '../../daemon/run/log.ts';
import { handoverRecord } from '../../daemon/run/record.ts';
import { type BootState, EarlyState, isOpen, isRead } from '../../daemon/run/state.ts';
import { performStep } from '../../daemon/run/step.ts';
import { failuresOf, StepFailure } from '../../daemon/run/step-failure.ts';
import { manifestSteps, openingSteps, readingSteps } from '../../daemon/run/steps.ts';
import { Timeline } from '../../daemon/run/timeline.ts';
import { type FakeMachine, fakeMachine } from './fake-machine.ts';
import { TpmSimulator } from './tpm-simulator.ts';

/** What became of a boot, for each that acts on properties of domains. */
export type Observed = Record<Consumer, unknown>;

/** What the simulated TPM knows nothing of, and what ends the boot. */
const LEFT_OUT: ReadonlySet<string> = new Set([
  ...[
    'make-key',
    'quote-before-caps',
    'cap-pcr',
    'quote-pcrs',
    'hand-over',
    'release-tpm',
    'leave',
  ],
]);

interface StartedBoot {
  state: BootState;
  hypervisor: SimulatedHypervisor;
  machine: FakeMachine;
  console: () => string;
}

/**
 * Boots a manifest in memory, without the steps of sealing and handing over, and once more with a domain that can't be built.
 * Any image is there. A step that fails is noted, and the next one follows.
 * @param domid of the domain to look at
 */
export async function observeBoot(manifest: string, domid: number): Promise<Observed> {
  const directory = await mkdtemp(join(tmpdir(), 'domb-properties-'));
  try {
    const boot = await start(manifest, join(directory, 'boot'));
    const refusals = await go(boot.state);
    const { state, hypervisor } = boot;
    const image = hypervisor.images.get(domid);
    return {
      creation: creationOf(hypervisor, domid, state.manifest),
      build: image && { ...image, kernel: text(image.kernel), ramdisk: image.ramdisk?.map(text) },
      steps: plan(state.manifest, state.settings).flatMap(({ operations }) =>
        operations.map(nameOf),
      ),
      measurement: [measured(state), refusals],
      record: handoverRecord(state).domains,
      failure: await failing(await start(manifest, join(directory, 'failing')), domid),
    };
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** All that the hypervisor was asked for; the daemon's own notes on a created domain are left out. */
function creationOf(
  hypervisor: SimulatedHypervisor,
  domid: number,
  { domains }: Manifest,
): unknown {
  const created = hypervisor.creations.get(domid);
  const [any] = domains;
  if (created === undefined || any === undefined) return undefined;
  const keys = [...Object.keys(domainProperties(any)), 'uuid'] as (keyof typeof created)[];
  return Object.fromEntries(keys.map((key) => [key, created[key]]));
}

/** The manifest, the configuration and what is read back hold every property, whoever else acts on it. */
function measured({ measurements, bootMeasurements }: BootState): unknown {
  return [...measurements.events, ...bootMeasurements.events].filter(
    ({ item }) =>
      item === 'cap' || !['manifest', 'configuration', 'read-back'].includes(item.event),
  );
}

async function start(manifest: string, logDirectory: string): Promise<StartedBoot> {
  const hypervisor = new SimulatedHypervisor();
  const tpm = new TpmSimulator();
  const files = new (class extends Map<string, string> {
    override get(path: string): string {
      return path === paths.manifest ? manifest : `\x7fELF ${path}`;
    }
  })();
  const machine = fakeMachine({ files, openTpm: async () => tpm, hypervisor, logDirectory });
  const lines: string[] = [];
  const log = openDaemonLog(
    () => 0,
    (line) => lines.push(line),
  );
  const state = new EarlyState(machine, log, new Timeline(() => 0, 0));
  await execute(bringUp, state, openingSteps);
  if (!isOpen(state)) throw new Error('the boot did not open everything');
  await execute(read(state.settings), state, readingSteps);
  if (!isRead(state)) throw new Error('the boot did not read its manifest');
  return { state, hypervisor, machine, console: () => lines.join('') };
}

/** @returns what was refused */
async function go(state: BootState): Promise<string[]> {
  const refusals: string[] = [];
  for (const { operation } of steps(state)) {
    try {
      await performStep(manifestSteps, operation, state);
    } catch (error) {
      refusals.push(`${nameOf(operation)}: ${explain(error).what}`);
    }
  }
  return refusals;
}

/** What the boot ends in when the domain can't be built. */
async function failing({ state, hypervisor, machine, console }: StartedBoot, domid: number) {
  hypervisor.failAt = { method: 'build', domid, errno: 'EIO' };
  for (const { phase, operation } of steps(state)) {
    try {
      await performStep(manifestSteps, operation, state);
    } catch (error) {
      await abort(state, new StepFailure(phase, failuresOf(operation, error)));
      break;
    }
  }
  const wayOn = /goes on to the recovery domain/.test(console()) ? 'recovery' : 'none';
  return { abandoned: state.abandoned.length, end: machine.deeds.at(-1), wayOn };
}

function steps({ manifest }: BootState) {
  return [...prepare(manifest), ...launch(manifest)].flatMap(({ name, operations }) =>
    operations
      .filter((each) => !LEFT_OUT.has(each.do))
      .map((operation) => ({ phase: name, operation })),
  );
}

function text(bytes: Uint8Array | undefined): string | undefined {
  return bytes && Buffer.from(bytes).toString('latin1');
}
