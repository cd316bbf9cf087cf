import type { ScriptSettings } from '../../../boot-configs/manifest.ts';
import { checkScripts } from '../../../boot-scripts/check-scripts.ts';
import { MOST_SCRIPT } from '../../../boot-scripts/inspect.ts';
import type { ScriptText } from '../../../boot-scripts/protocol.ts';
import { BootFailure } from '../../plan/failure.ts';
import { measuredItem } from '../../plan/measured-items.ts';
import type { Operation } from '../../plan/operations.ts';
import { runManifestScript } from '../../scripts/script-run.ts';
import { collectFacts } from '../facts/facts.ts';
import type { BootState } from '../state.ts';
import { record, refuseOtherDigest } from './measure.ts';

type Of<K extends Operation['do']> = Extract<Operation, { do: K }>;

export async function measureScript(
  state: BootState,
  operation: Of<'measure-script'>,
): Promise<string> {
  const { name, run, digest } = operation.script;
  await refuseOtherDigest(state, `script ${name}`, run, digest);
  return record(state, await measuredItem(operation, state.sources));
}

/** Finds the mistakes that can be found without running the scripts, before any of them runs. */
export async function checkBootScripts(
  state: BootState,
  { scripts }: Of<'check-scripts'>,
): Promise<string> {
  await checkScripts(await Promise.all(scripts.map((script) => textOf(state, script))));
  return 'they parse, import nothing, have a default export';
}

/** What scripts may want to know of the machine, as long as domB has it. What is not to be had is no failure of the boot. */
export async function lookAtMachine(state: BootState): Promise<string> {
  const { values, missing } = await collectFacts(state);
  state.facts = values;
  const unknown = [...missing].map(([fact, why]) => `no ${fact} (${why})`);
  return [...Object.keys(values), ...unknown].join(', ');
}

/** Runs the measured bytes. */
export async function runBootScript(
  state: BootState,
  { script }: Of<'run-script'>,
): Promise<string> {
  const actions = await runManifestScript(state, script, await textOf(state, script));
  return actions === 1 ? '1 action' : `${actions} actions`;
}

async function textOf(state: BootState, { name, run }: ScriptSettings): Promise<ScriptText> {
  const { bytes } = await state.image(run);
  if (bytes.length <= MOST_SCRIPT) return { file: run, source: bytes.toString() };
  throw new BootFailure(
    `script ${name} (${run}): ${bytes.length} bytes are no script`,
    `a script has ${MOST_SCRIPT} bytes at most`,
  );
}

export function restrictHardware(
  { hypervisor }: BootState,
  { access }: Of<'restrict-hardware'>,
): string {
  hypervisor.restrictHardware(access);
  return Object.keys(access).join(', ');
}
