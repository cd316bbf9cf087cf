import type { programs as allPrograms } from '../programs.ts';
import type { VerifierCommand } from './commands.ts';

/** What carries out each command of the verifier. */
export const programs: Pick<typeof allPrograms, VerifierCommand> = {
  verify: () => import('../verify.ts'),
  log: () => import('../log.ts'),
  predict: () => import('../predict.ts'),
  'enroll challenge': () => import('../enroll-challenge.ts'),
  'enroll check': () => import('../enroll-check.ts'),
  help: () => import('../help.ts'),
};
