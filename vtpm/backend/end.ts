import { alarm } from '../../bindings/libc.ts';

export interface LastWords {
  say: (text: string) => void;
  /** Tells all guests that their devices are closed. */
  close: () => void;
  /** How long that may take, in seconds: xenstore itself may be what does not answer any more. */
  patience?: number;
}

/**
 * Ends this process for certain. process.exit() does not: it waits for the threads that wait for xenstore and for event channels,
 * for good, and guests would wait for a back end that xenstore calls connected. A signal that nobody can catch needs no thread's
 * consent, and the kernel's alarm, whose default is to end the process, not even ours.
 */
export function endProcess(error: Error, { say, close, patience = 10 }: LastWords): never {
  say(`FAILED: ${error.stack}`);
  alarm(patience);
  try {
    close();
  } catch (problem) {
    say(`guests are not told: ${(problem as Error).message}`);
  }
  process.kill(process.pid, 'SIGKILL');
  throw new Error('the process survives SIGKILL: is it PID 1?');
}
