/** What the daemon and the thread or process of a script say to each other. All of it is plain values, as JSON has them. */
import type { MessagePort } from 'node:worker_threads';
import type { ScriptPoint } from './api.ts';

export interface ScriptText {
  /** The name that errors give the script's file; its ending says the language. */
  file: string;
  source: string;
}

/** For a thread that looks at scripts without running one. */
export interface Inspection {
  scripts: readonly ScriptText[];
  /** For a caller that blocks until the one message: where it goes, and what wakes the caller. */
  blocking?: { port: MessagePort; signal: Int32Array };
}

/** For a process that runs a script. */
export interface ScriptRun {
  script: string;
  point: ScriptPoint;
  /** What every script sees of the machine. */
  host: object;
  /** What is measured when a script reads it; null where the machine does not tell. */
  facts: Record<string, unknown>;
  /** What of that cannot be read any more. */
  withheld: readonly string[];
  planned: unknown;
}

const EVERY_POINT = ['before_planning', 'after_create', 'before_start', 'after_start'] as const;

/** The calls of the API that the daemon answers, and at which points. */
export const CALL_POINTS = {
  domains: EVERY_POINT,
  configure: ['before_planning'],
  restrictHardware: ['before_planning'],
  keepPaused: ['after_create', 'before_start'],
  giveDevices: ['after_create'],
} as const satisfies Record<string, readonly ScriptPoint[]>;
export type ScriptCall = keyof typeof CALL_POINTS;

export type FromScript =
  /** The script is read, and waits to be let go. */
  | { kind: 'ready' }
  | { kind: 'log'; text: string }
  /** The script has looked at one of {@link ScriptRun.facts}. */
  | { kind: 'read'; fact: string }
  /** `arguments` is a JSON list. `at` is the place of the call in the script. */
  | { kind: 'call'; id: number; call: ScriptCall; arguments: string; at: string }
  | { kind: 'refuse'; reason: string; hint?: string; at: string }
  | { kind: 'failed'; what: string; at: string }
  | { kind: 'done' };

/** `value` is JSON. */
export type ScriptAnswer = { id: number; value: string } | { id: number; problem: string };

export type ToScript =
  | { kind: 'start'; text: ScriptText; run: ScriptRun }
  /** The limits are set: the script may run. */
  | { kind: 'go' }
  | ({ kind: 'answer' } & ScriptAnswer);
