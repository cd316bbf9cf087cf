/** The description of a command: help, argument parsing, completion and the manual page all come from it. */
export interface Command {
  name: DombCommand;
  /** One line without a full stop. */
  summary: string;
  /** Paragraphs for help and the manual page. */
  description: readonly string[];
  arguments: readonly Argument[];
  options: readonly Option[];
  /** Of each of these groups one option must be given. */
  required?: readonly (readonly string[])[];
  examples: readonly { says: string; command: string }[];
}

/** A name has one word or two. */
export type DombCommand =
  | 'validate'
  | 'plan'
  | 'image'
  | 'install'
  | 'update'
  | 'settle'
  | 'uninstall'
  | 'status'
  | 'list'
  | 'predict'
  | 'log'
  | 'quote'
  | 'verify'
  | 'reference'
  | 'enroll challenge'
  | 'enroll answer'
  | 'enroll check'
  | 'enroll persist'
  | 'seal'
  | 'unseal'
  | 'approve'
  | 'export'
  | 'introduce'
  | 'watch'
  | 'channels'
  | 'vtpm-state setup'
  | 'vtpm-state serve'
  | 'vtpm-state reset'
  | 'try-script'
  | 'timeline'
  | 'policy check'
  | 'policy build'
  | 'policy explain'
  | 'policy why'
  | 'policy from-denials'
  | 'explain'
  | 'schema'
  | 'completion'
  | 'help';

export interface Argument {
  /** In capitals, as usage lines show it. */
  name: string;
  says: string;
  optional?: true;
  many?: true;
  /** What completion offers. */
  completes: 'files' | 'commands' | 'fields' | 'domains' | readonly string[];
}

export interface Option {
  /** Without dashes. */
  name: string;
  short?: string;
  /** Name of the option's value, in capitals; a flag has none. */
  value?: string;
  says: string;
  completes?: 'directories' | 'files' | readonly string[];
}

/** A program that has commands. */
export interface Program {
  /** As users type it. */
  name: string;
  summary: string;
  version: string;
  /** Commands of domb that this program lacks. */
  lacks: readonly DombCommand[];
}

/** What the user gave, checked against the command's description. */
export interface Input {
  arguments: string[];
  flags: ReadonlySet<string>;
  values: ReadonlyMap<string, string>;
}

/**
 * 0 all well, 1 invalid or failed, 2 wrong usage, 3 evidence is refused, or a sealed secret stays closed, 4 evidence is right and
 * does not prove it.
 */
export type ExitStatus = 0 | 1 | 2 | 3 | 4;

/** Where a command reads and writes. */
export interface Terminal {
  /** Throws a {@link Failure} when standard output takes no more; a reader that has left is none. */
  write(output: string | Uint8Array): void;
  /** What can't be written is lost: there is nobody to tell. */
  writeError(text: string): void;
  /** Everything on standard input, or where that is more than `most` bytes, more than `most` of them: it may have no end. */
  read(most: number): Promise<Uint8Array>;
  /** True when text for people may be coloured. */
  colour: boolean;
}

/** The user asked for something that the command line does not offer. */
export class UsageError extends Error {
  override name = 'UsageError';
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

/** Something other than a manifest stands in the way. Without a hint where there is nothing more to say. */
export class Failure extends Error {
  override name = 'Failure';
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}

/** What others sent does not hold: exit status 3. */
export class RefusedEvidence extends Failure {
  override name = 'RefusedEvidence';
}
