import project from '../package.json' with { type: 'json' };
import type { Program } from './command.ts';

/** Apart from its commands: who fails names it without them. */
export const program: Program = {
  name: 'domb',
  summary: 'manifests and evidence of Xen platforms that a boot domain builds',
  version: project.version,
  lacks: [],
};
