/**
 * The thread in which one script is looked at or run. It has a JavaScript context of its own, with the API and little else,
 * so that a script does what is measured and nothing by accident. That is no prison: a script is as trusted as the daemon.
 */
import { stripTypeScriptTypes } from 'node:module';
import { format } from 'node:util';
import vm from 'node:vm';
import { parentPort, workerData } from 'node:worker_threads';
import { bootApi } from './boot-api.ts';
import { placeIn, placeOfSyntaxError } from './place.ts';
import type { FromScript, ScriptStart, ScriptText, ToScript } from './protocol.ts';

/** A mistake in the script that has no error of JavaScript's own. */
class ScriptMistake extends Error {}

const port = parentPort;
if (port === null) throw new Error('this module runs as a worker');
const { scripts, run, blocking } = workerData as ScriptStart;
/** The script that errors are about. */
let current: ScriptText = scripts[0] ?? { file: '', source: '' };

function send(message: FromScript): void {
  if (blocking === undefined) {
    port?.postMessage(message);
    return;
  }
  blocking.port.postMessage(message);
  Atomics.store(blocking.signal, 0, 1);
  Atomics.notify(blocking.signal, 0);
}

async function start(): Promise<void> {
  const stay = (wanted: boolean) => (wanted ? port?.ref() : port?.unref());
  if (run === undefined) {
    for (current of scripts) await load(current, {});
    return;
  }
  const api = bootApi(run, { send, stay }, current.file);
  const log = (...texts: unknown[]) => api.boot.log(format(...texts));
  const module = await load(current, { console: { log }, setTimeout, clearTimeout });
  port?.on('message', (answer: ToScript) => api.answer(answer)).unref();
  await module.evaluate();
  const { default: entry } = module.namespace as { default: unknown };
  if (typeof entry !== 'function') throw new ScriptMistake('the default export is no function');
  await entry(api.boot);
  await api.idle();
  // A rejection that nobody handled ends the thread before this.
  await new Promise(setImmediate);
}

/** The script's module, ready to be run. */
async function load(script: ScriptText, globals: object): Promise<vm.SourceTextModule> {
  const { file } = script;
  const code = stripTypes(script);
  const module = new vm.SourceTextModule(code, {
    identifier: file,
    context: vm.createContext(globals),
    importModuleDynamically: (name) => refuseImport(name),
  });
  await module.link((name) => refuseImport(name));
  if (!Reflect.ownKeys(module.namespace).includes('default')) {
    throw new ScriptMistake('it has no default export: write "export default async (boot) => …"');
  }
  return module;
}

/** Types become spaces, so that lines and columns stay. */
function stripTypes({ file, source }: ScriptText): string {
  return /\.m?ts$/.test(file) ? stripTypeScriptTypes(source) : source;
}

function refuseImport(name: string): never {
  throw new ScriptMistake(
    `it imports ${JSON.stringify(name)}: a script is one file and imports nothing but types ("import type")`,
  );
}

start().then(
  () => {
    send({ kind: 'done' });
    port.close();
  },
  (error: unknown) => {
    const { file, source } = current;
    const thrown = error instanceof Error || isError(error);
    const what = thrown ? describe(error as Error) : `it threw ${String(error)}`;
    const at = thrown ? placeIn(file, error as Error) : file;
    send({ kind: 'failed', what, at: placeOfSyntaxError(file, source, error) ?? at });
    port.close();
  },
);

function describe(error: Error): string {
  const plain = error instanceof ScriptMistake || error.name === 'Error';
  return plain ? error.message : `${error.name}: ${error.message}`;
}

/** Errors of the script's own context are no instances of this one's Error. */
function isError(value: unknown): boolean {
  return Object.prototype.toString.call(value) === '[object Error]';
}
