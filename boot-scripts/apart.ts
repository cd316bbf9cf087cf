import { type ChildProcess, fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Transferable, Worker } from 'node:worker_threads';
import type { Inspection } from './protocol.ts';
import { ScriptError } from './script-errors.ts';

/** What the module for scripts is called in a boot image, where it is a bundle beside the daemon's. */
export const BUNDLED_WORKER = 'script-worker.cjs';

// Modules from text are an experimental part of Node, which says so at each use.
const NODE_FLAGS = ['--experimental-vm-modules', '--no-warnings'];

/** A thread that looks at scripts. */
export function startThread(
  inspection: Inspection,
  transfer: readonly Transferable[] = [],
): Worker {
  return new Worker(workerModule(), {
    workerData: inspection,
    transferList: [...transfer],
    execArgv: NODE_FLAGS,
    env: {},
    stdin: false,
  });
}

/**
 * A process that runs one script. Nothing else bounds its memory: V8's limits on a thread know of the heap only, and end
 * the whole process where a large allocation passes them.
 * @param heapMiB what V8 keeps the JavaScript heap to
 */
export function startProcess(heapMiB: number): ChildProcess {
  return fork(workerModule(), {
    execArgv: [...NODE_FLAGS, `--max-old-space-size=${heapMiB}`, '--max-semi-space-size=4'],
    env: {},
    // V8 says on the standard error output why it gave up.
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
}

/** Beside this module, or beside the bundle that this module is part of. */
function workerModule(): string {
  const beside = (name: string) => join(import.meta.dirname, name);
  const bundled = beside(BUNDLED_WORKER);
  const module = [bundled, beside('worker.ts')].find((file) => existsSync(file));
  if (module !== undefined) return module;
  throw new ScriptError(
    `scripts cannot be read here: ${bundled} is missing`,
    'use domb from its sources for manifests with scripts',
  );
}
