import type { ScriptPoint, ScriptSettings } from '../boot-configs/manifest.ts';
import type { ScriptCall } from '../boot-scripts/protocol.ts';
import { CallProblem, ScriptError, type ScriptHost } from '../boot-scripts/run-script.ts';
import { explain } from './failure.ts';
import { configure } from './script-actions/configure.ts';
import { keepPaused } from './script-actions/keep-paused.ts';
import { restrictHardware } from './script-actions/restrict-hardware.ts';
import { existingDomains } from './script-facts.ts';
import type { BootState } from './state.ts';

/**
 * Something that a script can change. `prepare` looks at what was given, and throws a {@link CallProblem} where it makes no
 * sense; what it returns makes the change, after the call was measured.
 */
export interface ScriptAction {
  points: readonly ScriptPoint[];
  prepare(state: BootState, script: ScriptSettings, given: readonly unknown[]): () => void;
}

/** Exactly one for each call of the API that changes something. */
const actions: Record<Exclude<ScriptCall, 'domains'>, ScriptAction> = {
  configure,
  restrictHardware,
  keepPaused,
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
  state: BootState,
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
    async call(call, given, at) {
      if (call === 'domains') return existingDomains(state);
      const { points, prepare } = actions[call];
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
