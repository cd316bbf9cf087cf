import type { Draft } from '../draft.ts';
import type { Path } from '../path.ts';

/** One rule that a manifest must keep beyond its schema. */
export interface Check {
  /** Stable name, part of every problem the rule finds. */
  rule: string;
  /** The rule as a sentence, for the reference. */
  says: string;
  run(draft: Draft, report: Report): void;
}

/**
 * Reports that the value at `path` breaks the rule. Where nothing stands at `path`, its parent is shown. `message` and
 * `hint` must not name a key that an older version of the manifest spells in another way: the file may be of that one.
 */
export type Report = (path: Path, message: string, hint: string) => void;
