import { type Judgement, judgement } from './judgement.ts';
import type { ObservedPlatform } from './observed.ts';

/** Xen's stock tools work in dom0. */
export function toolJudgement({ answers }: ObservedPlatform): Judgement {
  const { status, output } = answers.get('info-after-domb');
  const ok = status === 0 && /^xen_version\s*: 4\./m.test(output);
  return judgement('xl info works in dom0', ok, `exit status ${status}`);
}
