import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Transferable, Worker } from 'node:worker_threads';
import { placeIn } from './place.ts';
import type { FromScript, ScriptCall, ScriptStart, ScriptText, ToScript } from './protocol.ts';

/** A script that could not be run, or not to its end. The message names the place in the script. */
export class ScriptError extends Error {
  override name = 'ScriptError';
  readonly hint: string;

  constructor(message: string, hint: string, options?: ErrorOptions) {
    super(message, options);
    this.hint = hint;
  }
}

/** Something that a script asked for and cannot have; the script may go on. */
export class CallProblem extends Error {
  override name = 'CallProblem';
}

export interface ScriptHost {
  log(text: string): void;
  /**
   * Answers a call of the script. A {@link CallProblem} is told to the script, any other error ends it.
   * @returns what JSON can say, or nothing
   */
  call(call: ScriptCall, given: readonly unknown[], at: string): Promise<unknown>;
}

/** Enough for decisions; a script that fills more is at fault. */
const MEMORY_MIB = 64;

/** Seconds; enough for any number of scripts on a slow machine. */
const CHECK_SECONDS = 120;

/**
 * Finds the mistakes in scripts that show without running them.
 * @throws {ScriptError} for the first
 */
export async function checkScripts(scripts: readonly ScriptText[]): Promise<void> {
  await inThread({ scripts }, { log: () => {}, call: async () => undefined }, CHECK_SECONDS);
}

/**
 * Runs a script in a thread of its own until its function and all calls that it made have ended.
 * @throws {ScriptError} when it throws, refuses the boot, does not end in time or takes too much memory; also whatever
 * {@link ScriptHost.call} failed with
 */
export async function runScript(
  script: ScriptText,
  run: ScriptStart['run'] & object,
  host: ScriptHost,
  timeoutSeconds: number,
): Promise<void> {
  await inThread({ scripts: [script], run }, host, timeoutSeconds);
}

async function inThread(
  start: ScriptStart,
  host: ScriptHost,
  timeoutSeconds: number,
): Promise<void> {
  const file = start.run === undefined ? 'boot scripts' : (start.scripts[0]?.file ?? '');
  const worker = startWorker(start);
  const failure = (what: string, hint = 'correct the script') =>
    new ScriptError(`${file}: ${what}`, hint);
  let timer: NodeJS.Timeout | undefined;
  let over = false;
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
      worker.on('message', (message: FromScript) => {
        last = last.then(() => (over ? undefined : heed(message, worker, host, resolve)));
        last.catch(reject);
      });
      worker.on('error', (error: NodeJS.ErrnoException) => {
        const memory = error.code === 'ERR_WORKER_OUT_OF_MEMORY';
        const what = memory ? `it took more than ${MEMORY_MIB} MiB of memory` : error.message;
        reject(new ScriptError(`${placeIn(file, error)}: ${what}`, 'correct the script'));
      });
      // Its last words may still be in line.
      worker.on('exit', () => {
        const never = failure('it waits for something that never happens');
        last.then(() => reject(never), reject);
      });
    });
  } finally {
    over = true;
    clearTimeout(timer);
    await worker.terminate();
    // What was begun for the script is not left half done.
    await last.catch(() => {});
  }
}

async function heed(
  message: FromScript,
  worker: Worker,
  host: ScriptHost,
  done: () => void,
): Promise<void> {
  switch (message.kind) {
    case 'log':
      return host.log(message.text);
    case 'call':
      return answer(worker, host, message);
    case 'done':
      return done();
    default:
      throw errorOf(message);
  }
}

function errorOf(message: Extract<FromScript, { kind: 'failed' | 'refuse' }>): ScriptError {
  if (message.kind === 'failed') {
    return new ScriptError(`${message.at}: ${message.what}`, 'correct the script');
  }
  const { at, reason, hint } = message;
  return new ScriptError(
    `${at}: the script refuses the boot: ${reason}`,
    hint ?? 'the script says under which conditions it lets a platform boot',
  );
}

async function answer(
  worker: Worker,
  host: ScriptHost,
  { id, call, arguments: json, at }: Extract<FromScript, { kind: 'call' }>,
): Promise<void> {
  const reply = (message: ToScript) => worker.postMessage(message);
  try {
    const value = await host.call(call, JSON.parse(json) as unknown[], at);
    reply({ id, value: JSON.stringify(value ?? null) });
  } catch (error) {
    if (!(error instanceof CallProblem)) throw error;
    reply({ id, problem: error.message });
  }
}

/** What the thread's module is called in a boot image, where it is a bundle beside the daemon's. */
export const BUNDLED_WORKER = 'script-worker.cjs';

/** Beside this module, or beside the bundle that this module is part of. */
export function startWorker(start: ScriptStart, transfer: readonly Transferable[] = []): Worker {
  const beside = (name: string) => join(import.meta.dirname, name);
  const bundled = beside(BUNDLED_WORKER);
  const module = [bundled, beside('worker.ts')].find((file) => existsSync(file));
  if (module === undefined) {
    throw new ScriptError(
      `scripts cannot be read here: ${bundled} is missing`,
      'use domb from its sources for manifests with scripts',
    );
  }
  return new Worker(module, {
    workerData: start,
    transferList: [...transfer],
    // Modules from text are an experimental part of Node, which says so at each use.
    execArgv: ['--experimental-vm-modules', '--no-warnings'],
    resourceLimits: { maxOldGenerationSizeMb: MEMORY_MIB },
    env: {},
    stdin: false,
  });
}
