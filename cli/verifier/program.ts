import type { Program } from '../command.ts';
import { program as domb } from '../program.ts';
import { lacks } from './commands.ts';

export const program: Program = {
  name: 'domb-verify',
  summary: 'the verdict about the evidence of a boot, in one file for any Node from 20.12 on',
  version: domb.version,
  lacks,
};
