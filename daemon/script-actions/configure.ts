import { ManifestError } from '../../boot-configs/manifest.ts';
import { revise } from '../../boot-configs/revise.ts';
import { CallProblem } from '../../boot-scripts/run-script.ts';
import type { ScriptAction } from '../script-api.ts';
import { paths } from '../settings.ts';
import { checkCount, domainArgument, membersArgument } from './arguments.ts';

/** What a script may change of a domain; its identity, label, rights and images are the manifest's alone. */
const CHANGEABLE = [
  ...(['memory', 'maxmem', 'vcpus', 'cmdline', 'autostart'] as const),
  ...(['ioports', 'iomem', 'irqs'] as const),
];

/** `configure(domain, change)`: as if the manifest said so. */
export const configure: ScriptAction = {
  points: ['before_planning'],
  prepare(state, _script, given) {
    checkCount(given, ['the name of a domain', 'an object with what changes']);
    const { name } = domainArgument(state, given[0]);
    const properties = membersArgument(given[1], CHANGEABLE);
    const bytes = state.manifestBytes;
    if (bytes === undefined) throw new Error('a script runs before the manifest is read');
    const revisions = [...state.changes.configured, { domain: name, properties }];
    const revised = attempt(() => revise(bytes, paths.manifest, revisions));
    return () => {
      state.changes.written ??= state.manifest;
      state.changes.configured = revisions;
      state.manifestIfRead = revised;
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
