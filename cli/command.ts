/** The description of a command: help, argument parsing, completion and the manual page all come from it. */
export interface Command {
  name: string;
  /** One line without a full stop. */
  summary: string;
  /** Paragraphs for help and the manual page. */
  description: readonly string[];
  arguments: readonly Argument[];
  options: readonly Option[];
  examples: readonly { says: string; command: string }[];
  /** Loaded when the command runs, so that no command pays for another. */
  load(): Promise<{ run(input: Input, terminal: Terminal): Promise<ExitStatus> }>;
}

export interface Argument {
  /** In capitals, as usage lines show it. */
  name: string;
  says: string;
  optional?: true;
  many?: true;
  /** What completion offers. */
  completes: 'files' | 'commands' | 'fields' | readonly string[];
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

/** What the user gave, checked against the command's description. */
export interface Input {
  arguments: string[];
  flags: ReadonlySet<string>;
  values: ReadonlyMap<string, string>;
}

/** 0 all well, 1 invalid or failed, 2 wrong usage, 3 evidence does not verify. */
export type ExitStatus = 0 | 1 | 2 | 3;

/** Where a command reads and writes. */
export interface Terminal {
  write(text: string): void;
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

/** Something other than a manifest stands in the way. */
export class Failure extends Error {
  override name = 'Failure';
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}
