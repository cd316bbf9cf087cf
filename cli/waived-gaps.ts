import { nearest } from '../boot-configs/suggest.ts';
import { type GapId, gaps } from '../measurement/evidence/verdict.ts';
import { type Input, UsageError } from './command.ts';

/**
 * The gaps that --waive names.
 * @throws {@link UsageError} for a name that is none
 */
export function waivedGaps({ values }: Input): GapId[] {
  const known = Object.keys(gaps) as GapId[];
  return (values.get('waive')?.split(',') ?? []).map((name) => {
    const gap = known.find((each) => each === name);
    if (gap !== undefined) return gap;
    const meant = nearest(name, known);
    throw new UsageError(
      `--waive: there is no gap "${name}"`,
      meant === undefined ? `the gaps are ${known.join(', ')}` : `did you mean ${meant}?`,
    );
  });
}
