import type { Command, DombCommand } from '../command.ts';
import { commands as allCommands } from '../commands.ts';

/** Of domb's commands, those that a verifier needs. */
const offered = [
  ...(['verify', 'log', 'predict', 'help'] as const),
  ...(['enroll challenge', 'enroll check'] as const),
] as const;
export type VerifierCommand = (typeof offered)[number];

const isOffered = ({ name }: Command): boolean => offered.some((each) => each === name);

/** What is `domb COMMAND` elsewhere is `domb-verify COMMAND` here. */
const ownName = new RegExp(`\\bdomb (?=(?:${offered.join('|')})\\b)`, 'g');

export const commands: readonly Command[] = allCommands.filter(isOffered).map((command) => ({
  ...command,
  examples: command.examples.map(({ says, command: line }) => ({
    says,
    command: line.replace(ownName, 'domb-verify '),
  })),
}));

/** Of domb's commands, those that are missing here. */
export const lacks: readonly DombCommand[] = allCommands
  .filter((command) => !isOffered(command))
  .map(({ name }) => name);
