import type { Manifest } from '../../../boot-configs/manifest.ts';
import { ManifestError } from '../../../boot-configs/problems.ts';
import {
  type ChangeableKey,
  changeableKeys,
  type Same,
} from '../../../boot-configs/properties/table.ts';
import { type DomainRevision, revise } from '../../../boot-configs/revise.ts';
import type { DomainChange } from '../../../boot-scripts/api.ts';
import { CallProblem } from '../../../boot-scripts/script-errors.ts';
import { paths } from '../../plan/settings.ts';
import type { ScriptAction } from '../script-action.ts';
import type { ScriptState } from '../script-state.ts';
import { checkCount, domainArgument, membersArgument } from './arguments.ts';

// What the interface for scripts offers is what the properties of a domain allow.
true satisfies Same<keyof DomainChange, ChangeableKey>;

/** `configure(domain, change)`: as if the manifest said so. */
export const configure: ScriptAction = {
  prepare(state, _script, given) {
    checkCount(given, ['the name of a domain', 'an object with what changes']);
    const { name } = domainArgument(state, given[0]);
    const properties = membersArgument(given[1], changeableKeys);
    return revised(state, name, properties).make;
  },
};

/**
 * The manifest as it would be with these properties, and what makes it so.
 * @throws CallProblem for what a manifest could not say
 */
export function revised(
  state: ScriptState,
  domain: string,
  properties: DomainRevision['properties'],
): { manifest: Manifest; make: () => void } {
  const bytes = state.manifestBytes;
  const revisions = [...state.changes.configured, { domain, properties }];
  const manifest = attempt(() => revise(bytes, paths.manifest, revisions));
  const make = () => {
    state.changes.written ??= state.manifest;
    state.changes.configured = revisions;
    state.manifest = manifest;
  };
  return { manifest, make };
}

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
