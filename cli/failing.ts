import { Failure, RefusedEvidence } from './command.ts';
import { isAnswer } from './failure-report.ts';

/**
 * What `work` gives; errors that people can do something about, those that carry a hint and those of the file system, come
 * out as a {@link Failure}. All others are defects and stay as they are.
 */
export async function failing<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isAnswer(error) || !(error instanceof Error)) throw error;
    if ('hint' in error && typeof error.hint === 'string') {
      throw new Failure(error.message, error.hint);
    }
    const { code, path } = error as NodeJS.ErrnoException;
    if (code === undefined || path === undefined) throw error;
    const hint = code === 'ENOENT' ? 'there is no file of this name' : 'check its permissions';
    throw new Failure(`${path}: can't be read or written (${code})`, hint);
  }
}

/** What `judge` gives; where it finds something wrong with what others sent, that is no failure of ours. */
export async function refusing<T>(judge: () => T): Promise<T> {
  try {
    return await failing(judge);
  } catch (error) {
    if (error instanceof Failure) throw new RefusedEvidence(error.message, error.hint);
    throw error;
  }
}
