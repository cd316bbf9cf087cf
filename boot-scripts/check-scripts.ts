import { startThread } from './apart.ts';
import type { FromScript, ScriptText } from './protocol.ts';
import { errorOf } from './run-script.ts';
import { ScriptError } from './script-errors.ts';

/** Seconds; enough for any number of scripts on a slow machine. */
const PATIENCE = 120;

/**
 * Finds the mistakes in scripts that show without running them.
 * @throws {ScriptError} for the first
 */
export async function checkScripts(scripts: readonly ScriptText[]): Promise<void> {
  const worker = startThread({ scripts });
  let timer: NodeJS.Timeout | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      const fail = (what: string) => reject(new ScriptError(what, 'correct the scripts'));
      timer = setTimeout(
        () => fail(`boot scripts: they are not read within ${PATIENCE} s`),
        PATIENCE * 1000,
      );
      worker.on('message', (message: FromScript) => {
        if (message.kind === 'failed') reject(errorOf(message));
        else resolve();
      });
      worker.on('error', (error) => fail(`boot scripts: ${error.message}`));
      worker.on('exit', () => fail('boot scripts: the thread that reads them ended'));
    });
  } finally {
    clearTimeout(timer);
    await worker.terminate();
  }
}
