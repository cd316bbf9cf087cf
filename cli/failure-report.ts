import { formatProblems, ManifestError } from '../boot-configs/problems.ts';
import { paintFor } from './colour.ts';
import { type ExitStatus, Failure, RefusedEvidence, type Terminal, UsageError } from './command.ts';
import { OutputFailure } from './output.ts';
import { program } from './program.ts';

/** What ends a command and is no defect of it. */
export type FailureAnswer = UsageError | Failure | ManifestError;

/** What a command writes to standard output with --json when it ends in a failure. */
export interface FailureJson {
  error: {
    message: string;
    hint?: string;
    /** Mistakes of a manifest, and whether there are more. */
    problems?: ManifestError['problems'];
    more?: boolean;
  };
}

export function isAnswer(error: unknown): error is FailureAnswer {
  return error instanceof UsageError || error instanceof Failure || error instanceof ManifestError;
}

/**
 * What `run` gives; what ends it and is no defect is told as the command line `argv` wants it, to people or with --json to programs, and
 * gives its own exit status.
 */
export async function toStatus(
  run: () => Promise<ExitStatus>,
  argv: readonly string[],
  terminal: Terminal,
): Promise<ExitStatus> {
  try {
    return await run();
  } catch (error) {
    if (!isAnswer(error)) throw error;
    tell(error, argv, terminal);
    if (error instanceof UsageError) return 2;
    return error instanceof RefusedEvidence ? 3 : 1;
  }
}

function tell(answer: FailureAnswer, argv: readonly string[], terminal: Terminal): void {
  const own = argv.slice(0, argv.includes('--') ? argv.indexOf('--') : undefined);
  if (own.includes('--json')) tellPrograms(answer, terminal);
  else if (answer instanceof ManifestError) {
    const paint = paintFor(terminal.colour);
    terminal.writeError(`${formatProblems(answer.problems, answer.more, paint)}\n`);
  } else terminal.writeError(failureText(answer));
}

function tellPrograms(answer: FailureAnswer, terminal: Terminal): void {
  try {
    if (answer instanceof OutputFailure) throw answer;
    terminal.write(`${JSON.stringify(failureJson(answer), null, 2)}\n`);
  } catch (error) {
    if (!(error instanceof OutputFailure)) throw error;
    terminal.writeError(failureText(error));
  }
}

function failureText({ message, hint }: UsageError | Failure): string {
  const failure = `${program.name}: ${message}\n`;
  return hint === undefined ? failure : `${failure}  hint: ${hint}\n`;
}

/** The same for programs; part of the JSON of a command that has more to say. */
export function failureJson(answer: FailureAnswer): FailureJson {
  if (!(answer instanceof ManifestError)) {
    const { message, hint } = answer;
    return { error: hint === undefined ? { message } : { message, hint } };
  }
  const { hint, problems, more } = answer;
  return { error: { message: 'the manifest has mistakes', hint, problems, more } };
}
