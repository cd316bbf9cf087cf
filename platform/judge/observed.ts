import type { PcrValues } from 'node-tpm2-pts';
import type { Manifest } from '../../boot-configs/manifest.ts';
import type { HandoverRecord } from '../../daemon/plan/record.ts';
import type { Verdict } from '../../measurement/evidence/verdict.ts';
import type { Answers } from '../machine/answers.ts';

/** What is known of a platform that came up, and whose dom0 answers questions. */
export interface ObservedPlatform {
  manifest: Manifest;
  /** The domid that domB should have had. */
  bootDomid: number;
  bootDomainMiB: number;
  /** The measured PCRs as they were computed from the manifest and the images before the boot, by bank. */
  predicted: PcrValues;
  /** What a verifier says of the boot quote and the two logs. */
  verdict: Verdict;
  consoleText: string;
  answers: Answers;
  /** What domB handed over. */
  record: HandoverRecord;
  /** Whether an image, by its name in the manifest, is the demo's own, of which is known what it says. */
  isOwnImage: (name: string) => boolean;
}

/** What dom0 wrote when it was asked `name`. Throws when it was not asked: nobody can judge that. */
export const answered = (answers: Answers, name: string): string => answers.output(name);
