import type { MessagePort } from 'node:worker_threads';
import type { FromScript, Inspection, ScriptText } from './protocol.ts';
import { loadScript } from './script-module.ts';
import { describeThrown, placeOfThrown } from './thrown.ts';

/** In the thread that looks at scripts: reads each, runs none, and says once how that ended. */
export async function inspectScripts(
  { scripts, blocking }: Inspection,
  port: MessagePort,
): Promise<void> {
  const message = await verdict(scripts);
  if (blocking === undefined) {
    port.postMessage(message);
    return;
  }
  blocking.port.postMessage(message);
  Atomics.store(blocking.signal, 0, 1);
  Atomics.notify(blocking.signal, 0);
}

async function verdict(scripts: readonly ScriptText[]): Promise<FromScript> {
  for (const script of scripts) {
    try {
      await loadScript(script, {});
    } catch (mistake) {
      const at = placeOfThrown(script, mistake);
      return { kind: 'failed', what: describeThrown(mistake), at };
    }
  }
  return { kind: 'done' };
}
