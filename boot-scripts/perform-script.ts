import { format } from 'node:util';
import { bootApi } from './boot-api.ts';
import type { FromScript, ScriptRun, ScriptText, ToScript } from './protocol.ts';
import { loadScript } from './script-module.ts';
import { describeThrown, placeOfThrown, ScriptMistake } from './thrown.ts';

/** The process of one script: takes what it is to run, runs it, says how it ended and ends. */
export function performScript(): void {
  process.once('message', (message: ToScript) => {
    if (message.kind === 'start') perform(message.text, message.run);
  });
}

function perform(text: ScriptText, run: ScriptRun): void {
  let over = false;
  const send = (message: FromScript) => {
    if (!over) process.send?.(message);
  };
  /** The first word on how it ended is the last one; the daemon ends the process. */
  const end = (message: FromScript) => {
    send(message);
    over = true;
    process.channel?.ref();
  };
  const fail = (thrown: unknown) => {
    end({ kind: 'failed', what: describeThrown(thrown), at: placeOfThrown(text, thrown) });
  };
  // What is thrown where nobody waits for it: by a timer, in a promise that was forgotten.
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);
  evaluate(text, run, send).then(() => end({ kind: 'done' }), fail);
}

async function evaluate(
  text: ScriptText,
  run: ScriptRun,
  send: (message: FromScript) => void,
): Promise<void> {
  // Without that the process ends when nothing can happen any more.
  const stay = (wanted: boolean) => (wanted ? process.channel?.ref() : process.channel?.unref());
  const api = bootApi(run, { send, stay }, text.file);
  const log = (...texts: unknown[]) => api.boot.log(format(...texts));
  const module = await loadScript(text, { console: { log }, setTimeout, clearTimeout });
  const released = new Promise<void>((resolve) => {
    process.on('message', (message: ToScript) => {
      if (message.kind === 'go') resolve();
      if (message.kind === 'answer') api.answer(message);
    });
  });
  send({ kind: 'ready' });
  await released;
  stay(false);
  await module.evaluate();
  const { default: entry } = module.namespace as { default: unknown };
  if (typeof entry !== 'function') throw new ScriptMistake('the default export is no function');
  await entry(api.boot);
  await api.idle();
  // A rejection that nobody handled ends the script before this.
  await new Promise(setImmediate);
}
