import { type ChildProcess, spawn } from 'node:child_process';
import { Attention } from './attention.ts';

/** What is passed: a guest's ring, and the TPM behind it. */
export interface PassedRing {
  readonly domid: number;
  readonly reference: number;
  /** The guest's port of its event channel. */
  readonly remotePort: number;
  /** The UNIX socket where the guest's TPM answers. */
  readonly socket: string;
  /** Number of the user that may connect there; undefined: the one that this process is. */
  readonly uid: number | undefined;
}

/** What is told of a passage. */
export interface PassageEvents {
  /** Commands pass from now on. */
  serving(): void;
  said(text: string): void;
  /** It is gone, and lets go of all that the guest shares; the last that is told. */
  ended(why: string): void;
}

export interface Passage {
  /** Ends it, also in the middle of a command; `ended` tells when it is gone. */
  stop(): void;
}

/** Lines that a process may write: it keeps to ten a minute itself, whatever its guest does. */
const MESSAGES = { changes: 100, window: 60_000 };
/** The longest line, in characters. */
const LONGEST = 512;

/**
 * Starts the process that passes a guest's commands to its TPM (serve/tpmback.c). What passes through it is not seen here. The guest may
 * have taken it over: of what it writes, only so much is read.
 * @param program where it is
 */
export function startPassage(
  program: string,
  { domid, reference, remotePort, socket, uid }: PassedRing,
  events: PassageEvents,
): Passage {
  const numbers = [domid, reference, remotePort].map(String);
  const child = spawn(program, [...numbers, socket, ...(uid === undefined ? [] : [`${uid}`])], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let why: string | undefined;
  const attention = new Attention(MESSAGES);
  readLines(child, (line) => {
    const [, kind, text = ''] = /^(serving|says|failed) (.*)$/.exec(line) ?? [];
    if (kind === undefined || !attention.take(1, performance.now())) {
      why = 'it says what it should not';
      child.kill('SIGKILL');
    } else if (kind === 'serving') events.serving();
    else if (kind === 'says') events.said(text);
    else why ??= text;
  });
  let over = false;
  const end = (how: string) => {
    if (!over) events.ended(why ?? how);
    over = true;
  };
  child.once('error', (error) => end(`${program} does not run: ${error.message}`));
  // When all that it said was read.
  child.once('close', (status, signal) => {
    end(`tpmback ended with ${signal ?? `status ${status}`}`);
  });
  return {
    stop: () => {
      child.kill('SIGKILL');
    },
  };
}

/** Hands out lines; in place of one that is too long, an empty one. */
function readLines(child: ChildProcess, take: (line: string) => void): void {
  let rest = '';
  child.stdout?.setEncoding('latin1').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) take(line.length > LONGEST ? '' : line);
    if (rest.length > LONGEST) {
      rest = '';
      take('');
    }
  });
}
