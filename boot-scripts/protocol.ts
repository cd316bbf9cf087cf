/** What the daemon and the thread of a script say to each other. */
import type { MessagePort } from 'node:worker_threads';
import type { ScriptPoint } from './api.ts';

export interface ScriptText {
  /** The name that errors give the script's file; its ending says the language. */
  file: string;
  source: string;
}

export interface ScriptStart {
  /** One to be run, or several to be looked at. */
  scripts: readonly ScriptText[];
  /** Undefined to look at the scripts without running one. */
  run?: { script: string; point: ScriptPoint; host: unknown; planned: unknown };
  /** For a caller that blocks until the one message of scripts that are not run: where it goes, and what wakes the caller. */
  blocking?: { port: MessagePort; signal: Int32Array };
}

/** The calls of the API that the daemon answers. */
export const SCRIPT_CALLS = ['domains', 'configure', 'restrictHardware', 'keepPaused'] as const;
export type ScriptCall = (typeof SCRIPT_CALLS)[number];

export type FromScript =
  | { kind: 'log'; text: string }
  /** `arguments` is a JSON list. `at` is the place of the call in the script. */
  | { kind: 'call'; id: number; call: ScriptCall; arguments: string; at: string }
  | { kind: 'refuse'; reason: string; hint: string | undefined; at: string }
  | { kind: 'failed'; what: string; at: string }
  | { kind: 'done' };

/** `value` is JSON. */
export type ToScript = { id: number; value: string } | { id: number; problem: string };
