import { placeIn } from './place.ts';
import {
  CALL_POINTS,
  type FromScript,
  type ScriptAnswer,
  type ScriptCall,
  type ScriptRun,
} from './protocol.ts';
import { oneLine, textOf } from './thrown.ts';

interface Waiting {
  resolve: (value: unknown) => void;
  reject: (error: Error) => void;
  /** Made where the script made the call, so that its stack shows that place. */
  error: Error;
}

/** The process of the script, as far as the API needs it. */
export interface Surroundings {
  send(message: FromScript): void;
  /** Keeps the process while an answer is awaited; without that it ends when nothing can happen any more. */
  stay(wanted: boolean): void;
}

/**
 * The object that a script gets, in the script's own process. `answer` takes what the daemon says, `idle` waits until all
 * calls are answered, those as well that the script does not wait for.
 */
export function bootApi(run: ScriptRun, { send, stay }: Surroundings, file: string) {
  const { script, point, planned } = run;
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
  const calls = (Object.keys(CALL_POINTS) as ScriptCall[]).map((name) => [
    name,
    (...given: unknown[]) => call(name, given),
  ]);

  const boot = frozen({
    version: 1,
    ...{ script, point, planned },
    host: hostOf(run, (fact) => send({ kind: 'read', fact })),
    ...(Object.fromEntries(calls) as Record<ScriptCall, () => Promise<unknown>>),
    log: (text: unknown) => send({ kind: 'log', text: textOf(text) }),
    refuse: (reason: unknown, hint?: unknown): never => {
      const error = new Error(oneLine(textOf(reason)));
      const advice = hint === undefined ? {} : { hint: oneLine(textOf(hint)) };
      send({ kind: 'refuse', reason: error.message, ...advice, at: placeIn(file, error) });
      throw error;
    },
  });

  const answer = (message: ScriptAnswer) => {
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

/** The machine; what is measured when a script reads it says that it is read. */
function hostOf({ host, facts, withheld }: ScriptRun, read: (fact: string) => void): object {
  const members = { ...host };
  for (const [fact, value] of Object.entries(facts)) {
    // JSON has no undefined.
    const known = frozen(value ?? undefined);
    const get = () => {
      if (withheld.includes(fact)) {
        throw new Error(
          `boot.host.${fact} is measured when it is read, and nothing can be any more: read it in a script before the start`,
        );
      }
      read(fact);
      return known;
    };
    Object.defineProperty(members, fact, { enumerable: true, get });
  }
  return members;
}

function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  // A getter is not called for this: it tells that somebody read.
  for (const { value: member } of Object.values(Object.getOwnPropertyDescriptors(value))) {
    frozen(member);
  }
  return Object.freeze(value);
}
