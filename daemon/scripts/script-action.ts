import type { ScriptSettings } from '../../boot-configs/manifest.ts';
import type { ScriptState } from './script-state.ts';

/**
 * Something that a script can change. `prepare` looks at what was given, and throws a {@link CallProblem} where it makes no
 * sense; what it returns makes the change, after the call was measured.
 */
export interface ScriptAction {
  prepare(state: ScriptState, script: ScriptSettings, given: readonly unknown[]): () => void;
}
