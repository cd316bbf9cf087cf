import { getSystemErrorMap } from 'node:util';
import { Failure } from './command.ts';

/** What a command made can't be written. */
export class OutputFailure extends Failure {
  override name = 'OutputFailure';
}

/**
 * What `write` gives, which writes `target`.
 * @throws {@link OutputFailure} for what the file system refuses
 */
export async function writing<T>(target: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    throw outputFailure(target, error);
  }
}

/** The failure of a write; what is no error of the system comes back as it is. */
export function outputFailure(target: string, error: unknown): unknown {
  const { code, errno, path } = error as NodeJS.ErrnoException;
  if (code === undefined || errno === undefined) return error;
  const [, reason = 'error'] = getSystemErrorMap().get(errno) ?? [];
  return new OutputFailure(`cannot write ${path ?? target}: ${reason} (${code})`);
}
