import { placeIn } from './place.ts';
import {
  type FromScript,
  SCRIPT_CALLS,
  type ScriptCall,
  type ScriptStart,
  type ToScript,
} from './protocol.ts';

type Run = NonNullable<ScriptStart['run']>;

interface Waiting {
  resolve: (value: unknown) => void;
  reject: (error: Error) => void;
  /** Made where the script made the call, so that its stack shows that place. */
  error: Error;
}

/** The thread of the script, as far as the API needs it. */
export interface Thread {
  send(message: FromScript): void;
  /** Keeps the thread while an answer is awaited; without that it ends when nothing can happen any more. */
  stay(wanted: boolean): void;
}

/**
 * The object that a script gets, in the script's own thread. `answer` takes what the daemon says, `idle` waits until all
 * calls are answered, those as well that the script does not wait for.
 */
export function bootApi(run: Run, { send, stay }: Thread, file: string) {
  const waiting = new Map<number, Waiting>();
  let wake = () => {};
  let last = 0;

  const call = (name: ScriptCall, given: unknown[]) => {
    const error = new Error();
    const id = ++last;
    // JSON shows at once, and here, what is no plain value.
    const json = JSON.stringify(given);
    return new Promise((resolve, reject) => {
      waiting.set(id, { resolve, reject, error });
      send({ kind: 'call', id, call: name, arguments: json, at: placeIn(file, error) });
      stay(true);
    });
  };
  const calls = SCRIPT_CALLS.map((name) => [name, (...given: unknown[]) => call(name, given)]);

  const boot = frozen({
    version: 1,
    ...run,
    ...(Object.fromEntries(calls) as Record<ScriptCall, () => Promise<unknown>>),
    log: (text: unknown) => send({ kind: 'log', text: String(text) }),
    refuse: (reason: unknown, hint?: unknown): never => {
      const error = new Error(String(reason));
      const advice = hint === undefined ? undefined : String(hint);
      send({ kind: 'refuse', reason: error.message, hint: advice, at: placeIn(file, error) });
      throw error;
    },
  });

  const answer = (message: ToScript) => {
    const asked = waiting.get(message.id);
    waiting.delete(message.id);
    if (asked === undefined) return;
    if (waiting.size === 0) {
      stay(false);
      wake();
    }
    if ('value' in message) return asked.resolve(JSON.parse(message.value));
    asked.error.message = message.problem;
    // The stack still begins with the message that the error was made with.
    asked.error.stack = `Error: ${message.problem}\n${asked.error.stack?.split('\n').slice(1).join('\n')}`;
    asked.reject(asked.error);
  };
  const idle = () =>
    new Promise<void>((resolve) => {
      wake = resolve;
      if (waiting.size === 0) resolve();
    });
  return { boot, answer, idle };
}

function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  for (const member of Object.values(value)) frozen(member);
  return Object.freeze(value);
}
