import { ManifestError } from '../../../boot-configs/problems.ts';
import {
  type ChangeableKey,
  changeableKeys,
  type Same,
} from '../../../boot-configs/properties/table.ts';
import { revise } from '../../../boot-configs/revise.ts';
import type { DomainChange } from '../../../boot-scripts/api.ts';
import { CallProblem } from '../../../boot-scripts/script-errors.ts';
import { paths } from '../../plan/settings.ts';
import type { ScriptAction } from '../script-action.ts';
import { checkCount, domainArgument, membersArgument } from './arguments.ts';

// What the interface for scripts offers is what the properties of a domain allow.
true satisfies Same<keyof DomainChange, ChangeableKey>;

/** `configure(domain, change)`: as if the manifest said so. */
export const configure: ScriptAction = {
  prepare(state, _script, given) {
    checkCount(given, ['the name of a domain', 'an object with what changes']);
    const { name } = domainArgument(state, given[0]);
    const properties = membersArgument(given[1], changeableKeys);
    const bytes = state.manifestBytes;
    const revisions = [...state.changes.configured, { domain: name, properties }];
    const revised = attempt(() => revise(bytes, paths.manifest, revisions));
    return () => {
      state.changes.written ??= state.manifest;
      state.changes.configured = revisions;
      state.manifest = revised;
    };
  },
};

function attempt<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (!(error instanceof ManifestError)) throw error;
    const problems = error.problems.map(
      ({ path, message, hint }) => `${path}: ${message} (${hint})`,
    );
    throw new CallProblem(`a manifest could not say that: ${problems.join('; ')}`);
  }
}
