import type { ChildProcess } from 'node:child_process';
import { startProcess } from './apart.ts';
import type {
  FromScript,
  ScriptAnswer,
  ScriptCall,
  ScriptRun,
  ScriptText,
  ToScript,
} from './protocol.ts';
import { CallProblem, ScriptError } from './script-errors.ts';
import { MEMORY_MIB } from './script-memory.ts';

/** What V8 takes beside what the script fills: its young generation, compiled code, the collector's own notes. */
const SLACK_MIB = 32;

export interface ScriptHost {
  log(text: string): void;
  /** The script has looked at a fact that is measured for that. */
  read(fact: string): Promise<void>;
  /**
   * Answers a call of the script. A {@link CallProblem} is told to the script, any other error ends it.
   * @returns what JSON can say, or nothing
   */
  call(call: ScriptCall, given: readonly unknown[], at: string): Promise<unknown>;
  /** Sees to it that the process takes no more than so many bytes of memory beside what it has. */
  confine(pid: number, bytes: number): void;
}

/**
 * Runs a script in a process of its own until its function and all calls that it made have ended.
 * @throws {ScriptError} when it throws, refuses the boot, does not end in time or takes too much memory; also whatever
 * {@link ScriptHost} failed with
 */
export async function runScript(
  text: ScriptText,
  run: ScriptRun,
  host: ScriptHost,
  timeoutSeconds: number,
): Promise<void> {
  const child = startProcess(MEMORY_MIB);
  const failure = (what: string, hint = 'correct the script') =>
    new ScriptError(`${text.file}: ${what}`, hint);
  let timer: NodeJS.Timeout | undefined;
  let over = false;
  let words = '';
  child.stderr?.setEncoding('utf8').on('data', (part: string) => {
    words = `${words}${part}`.slice(-8192);
  });
  const ended = new Promise<void>((resolve) => {
    // All that the process said has come by then.
    child.once('close', () => resolve());
    child.once('error', () => resolve());
  });
  // One thing after the other, in the order in which the script asked.
  let last = Promise.resolve();
  try {
    await new Promise<void>((resolve, reject) => {
      timer = setTimeout(
        () =>
          reject(
            failure(
              `it did not end within ${timeoutSeconds} s`,
              'look for what it waits for, or give it a longer timeout in the manifest',
            ),
          ),
        timeoutSeconds * 1000,
      );
      child.on('message', (message: FromScript) => {
        last = last.then(() => (over ? undefined : heed(message, child, host, resolve)));
        last.catch(reject);
      });
      child.on('error', (error) => reject(failure(`its process: ${error.message}`)));
      // Its last words may still be in line.
      child.on('close', (_code, signal) => {
        const end = failure(signal === null ? NEVER : violentEnd(signal, words));
        last.then(() => reject(end), reject);
      });
      tell(child, { kind: 'start', text, run });
    });
  } finally {
    over = true;
    clearTimeout(timer);
    child.kill('SIGKILL');
    await ended;
    // What was begun for the script is not left half done.
    await last.catch(() => {});
  }
}

const NEVER = 'it waits for something that never happens';

/** V8 ends its process where memory is refused to it; a script has no other way to bring that about. */
function violentEnd(signal: string, words: string): string {
  const reason = words.split('\n').find((line) => /memory|alloc/i.test(line));
  if (reason !== undefined || ['SIGABRT', 'SIGTRAP', 'SIGILL'].includes(signal)) return TOO_MUCH;
  return `its process was ended by ${signal}`;
}

const TOO_MUCH = `it took more than ${MEMORY_MIB} MiB of memory`;

function tell(child: ChildProcess, message: ToScript): void {
  // A process that has ended needs no answer; that it has shows elsewhere.
  if (child.connected) child.send(message, () => {});
}

async function heed(
  message: FromScript,
  child: ChildProcess,
  host: ScriptHost,
  done: () => void,
): Promise<void> {
  switch (message.kind) {
    case 'ready':
      host.confine(child.pid ?? 0, (MEMORY_MIB + SLACK_MIB) * 2 ** 20);
      return tell(child, { kind: 'go' });
    case 'log':
      return host.log(message.text);
    case 'read':
      return host.read(message.fact);
    case 'call':
      return tell(child, { kind: 'answer', ...(await answer(host, message)) });
    case 'done':
      return done();
    default:
      throw errorOf(message);
  }
}

/** What a script that failed, or refuses the boot, has to say. */
export function errorOf(message: Extract<FromScript, { kind: 'failed' | 'refuse' }>): ScriptError {
  if (message.kind === 'failed') {
    const { at, what } = message;
    // Array buffers and the like are refused with an error that a script may catch.
    const memory =
      /allocation failed|out of memory|(could not|unable to|failed to) (allocate|grow)/i.test(what);
    return new ScriptError(
      `${at}: ${memory ? `${what}: ${TOO_MUCH}` : what}`,
      'correct the script',
    );
  }
  const { at, reason, hint } = message;
  return new ScriptError(
    `${at}: the script refuses the boot: ${reason}`,
    hint ?? 'the script says under which conditions it lets a platform boot',
  );
}

async function answer(
  host: ScriptHost,
  { id, call, arguments: json, at }: Extract<FromScript, { kind: 'call' }>,
): Promise<ScriptAnswer> {
  try {
    const value = await host.call(call, JSON.parse(json) as unknown[], at);
    return { id, value: JSON.stringify(value ?? null) };
  } catch (error) {
    if (!(error instanceof CallProblem)) throw error;
    return { id, problem: error.message };
  }
}
