import { CallProblem } from '../../../boot-scripts/script-errors.ts';
import type { ScriptAction } from '../script-action.ts';
import { checkCount, domainArgument } from './arguments.ts';

/** `keepPaused(domain)`: the domain is built, and waits for dom0 to start it. */
export const keepPaused: ScriptAction = {
  prepare(state, _script, given) {
    checkCount(given, ['the name of a domain']);
    const { name, domid, capabilities } = domainArgument(state, given[0]);
    if (capabilities.includes('hardware')) {
      throw new CallProblem(
        `${name} has the hardware: without it there is nobody to start anything`,
      );
    }
    const created = state.created.find((other) => other.domid === domid);
    return () => {
      // One that was given up is not there to be started.
      if (created) created.autostart = false;
    };
  },
};
