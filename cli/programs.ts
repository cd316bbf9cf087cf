import type { DombCommand, ExitStatus, Input, Terminal } from './command.ts';

interface Program {
  run(input: Input, terminal: Terminal): Promise<ExitStatus>;
}

/**
 * What carries out each command; loaded when it runs, so that no command pays for another. Apart from the descriptions, which
 * some of these programs show.
 */
export const programs: Record<DombCommand, () => Promise<Program>> = {
  validate: () => import('./validate.ts'),
  plan: () => import('./plan.ts'),
  image: () => import('./image.ts'),
  install: () => import('./install.ts'),
  update: () => import('./update.ts'),
  settle: () => import('./settle.ts'),
  uninstall: () => import('./uninstall.ts'),
  status: () => import('./status.ts'),
  list: () => import('./list.ts'),
  predict: () => import('./predict.ts'),
  log: () => import('./log.ts'),
  quote: () => import('./quote.ts'),
  verify: () => import('./verify.ts'),
  reference: () => import('./reference.ts'),
  'enroll challenge': () => import('./enroll-challenge.ts'),
  'enroll answer': () => import('./enroll-answer.ts'),
  'enroll check': () => import('./enroll-check.ts'),
  'enroll persist': () => import('./enroll-persist.ts'),
  seal: () => import('./seal.ts'),
  unseal: () => import('./unseal.ts'),
  approve: () => import('./approve.ts'),
  export: () => import('./export.ts'),
  introduce: () => import('./introduce.ts'),
  watch: () => import('./watch.ts'),
  channels: () => import('./channels.ts'),
  'vtpm-state setup': () => import('./vtpm-state-setup.ts'),
  'vtpm-state serve': () => import('./vtpm-state-serve.ts'),
  'vtpm-state reset': () => import('./vtpm-state-reset.ts'),
  'try-script': () => import('./try-script.ts'),
  timeline: () => import('./timeline.ts'),
  'policy check': () => import('./policy-check.ts'),
  'policy build': () => import('./policy-build.ts'),
  'policy explain': () => import('./policy-explain.ts'),
  'policy why': () => import('./policy-why.ts'),
  'policy from-denials': () => import('./policy-from-denials.ts'),
  explain: () => import('./explain.ts'),
  schema: () => import('./schema.ts'),
  completion: () => import('./completion.ts'),
  help: () => import('./help.ts'),
};
