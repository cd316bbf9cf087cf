import type { ScriptSettings } from '../../boot-configs/manifest.ts';
import type { ScriptText } from '../../boot-scripts/protocol.ts';
import { runScript } from '../../boot-scripts/run-script.ts';
import { scriptApi } from './script-api.ts';
import { hostFacts, measuredFacts, plannedDomains } from './script-facts.ts';
import type { ScriptState } from './script-state.ts';

/** Runs a script of the boot and says how many things it changed. */
export async function runManifestScript(
  state: ScriptState,
  script: ScriptSettings,
  text: ScriptText,
): Promise<number> {
  const { name, at: point, timeoutSeconds } = script;
  const facts = measuredFacts(state);
  // Nothing can be measured after the start.
  const sealed = state.bootMeasurements.sealed;
  const run = {
    ...{ script: name, point, host: hostFacts(state), planned: plannedDomains(state) },
    facts,
    withheld: sealed ? Object.keys(facts).filter((fact) => !state.factsRead.has(fact)) : [],
  };
  const api = scriptApi(state, script);
  await runScript(text, run, api, timeoutSeconds);
  return api.actions;
}
