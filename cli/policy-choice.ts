import { type Input, UsageError } from './command.ts';

/** @throws {@link UsageError} when the options say of the boot image that it holds a FLASK policy and that it holds none */
export function checkPolicyChoice({ flags, values }: Input): void {
  if (flags.has('no-policy') && values.has('policy')) {
    throw new UsageError('--policy and --no-policy exclude each other', 'choose one');
  }
}
