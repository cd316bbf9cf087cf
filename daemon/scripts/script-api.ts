import type { ScriptSettings } from '../../boot-configs/manifest.ts';
import type { MeasuredFacts, ScriptPoint } from '../../boot-scripts/api.ts';
import { CALL_POINTS, type ScriptCall } from '../../boot-scripts/protocol.ts';
import type { ScriptHost } from '../../boot-scripts/run-script.ts';
import { CallProblem, ScriptError } from '../../boot-scripts/script-errors.ts';
import { explain } from '../plan/failure.ts';
import { configure } from './actions/configure.ts';
import { giveDevicesAction } from './actions/give-devices.ts';
import { keepPaused } from './actions/keep-paused.ts';
import { restrictHardwareAction } from './actions/restrict-hardware.ts';
import type { ScriptAction } from './script-action.ts';
import { existingDomains } from './script-facts.ts';
import type { ScriptState } from './script-state.ts';

/** Exactly one for each call of the API that changes something. */
const actions: Record<Exclude<ScriptCall, 'domains'>, ScriptAction> = {
  configure,
  restrictHardware: restrictHardwareAction,
  keepPaused,
  giveDevices: giveDevicesAction,
};

/** In all, a script may log so many characters and change so many things: {@link ROOM_FOR_SCRIPT} holds that. */
const MOST_LOGGED = 32 * 1024;
const MOST_ACTIONS = 100;
/** What each line costs in the log beside its text. */
const LOG_RECORD = 80;
/** Bytes that a script can add to what is handed over once a domain is built. */
export const ROOM_FOR_SCRIPT = 256 * 1024;
/** Characters of JSON. */
const LONGEST_ARGUMENTS = 16 * 1024;

/** What the daemon does for a running script, and how many things the script changed. */
export function scriptApi(
  state: ScriptState,
  script: ScriptSettings,
): ScriptHost & { readonly actions: number } {
  let logged = 0;
  let done = 0;
  return {
    get actions() {
      return done;
    },
    log(text) {
      logged += text.length + LOG_RECORD;
      if (logged > MOST_LOGGED) {
        throw new ScriptError(
          `${script.run}: it logs more than ${MOST_LOGGED} characters`,
          'log less',
        );
      }
      // The console is a terminal.
      const plain = text.replaceAll(/[^\n\x20-\x7e]/g, '?');
      state.log.logger.info(`    ${script.name}: ${plain}`);
    },
    confine: (pid, bytes) => state.machine.limitGrowth(pid, bytes),
    async read(fact) {
      if (state.factsRead.has(fact)) return;
      state.factsRead.add(fact);
      const value = state.facts[fact as keyof MeasuredFacts] ?? null;
      const item = { script: script.name, fact, value };
      await state.bootMeasurements.measure({ event: 'machine-fact', ...item });
      state.log.logger.info(`    ${script.name}: reads ${fact}, which is measured`);
    },
    async call(call, given, at) {
      if (call === 'domains') return existingDomains(state);
      const { prepare } = actions[call];
      const points: readonly ScriptPoint[] = CALL_POINTS[call];
      if (!points.includes(script.at)) {
        throw new CallProblem(
          `${call} is for scripts at ${points.join(' and ')}; this one runs at ${script.at}`,
        );
      }
      if (++done > MOST_ACTIONS || JSON.stringify(given).length > LONGEST_ARGUMENTS) {
        throw new ScriptError(
          `${at}: a script makes ${MOST_ACTIONS} changes at most, each with ${LONGEST_ARGUMENTS} characters`,
          'do with less',
        );
      }
      const perform = prepare(state, script, given);
      // From here on the change is in the log: a failure ends the boot, whatever the script does about it.
      const { name } = script;
      const item = { script: name, action: call, arguments: given };
      await state.bootMeasurements.measure({ event: 'script-action', ...item });
      state.log.logger.info(
        `    ${name}: ${call} ${given.map((one) => JSON.stringify(one)).join(' ')}`,
      );
      try {
        perform();
      } catch (error) {
        const { what, hint } = explain(error);
        throw new ScriptError(`${at}: ${call}: ${what}`, hint, { cause: error });
      }
      return undefined;
    },
  };
}
