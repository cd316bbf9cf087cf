/** The form of the errors that both hypervisor implementations give. */
import { HypervisorError } from './hypervisor.ts';

/** An operation as it appears in an error. */
export interface Attempt {
  /** What was wanted, for example `create domain 7 ("guest")`. */
  wanted: string;
  domid?: number;
  /** What to do, by symbolic errno, where that is more than the general advice. */
  hints?: Readonly<Record<string, string>>;
}

const GENERAL_HINTS: Readonly<Record<string, string>> = {
  EPERM: "the FLASK policy does not allow it: look for 'avc: denied' on Xen's console",
  EACCES: "the FLASK policy does not allow it: look for 'avc: denied' on Xen's console",
  ESRCH: 'there is no domain with this domid',
  ENOMEM: 'give the domains less memory, or the machine more',
  ENOSYS: 'this Xen was built without the feature',
  EOPNOTSUPP: 'this Xen or this machine does not support it',
};
const LAST_HINT = "see Xen's console; loglvl=all and guest_loglvl=all make it say more";

/**
 * The error of a library call that failed.
 * @param said what the library logged about it
 */
export function callRefused(
  attempt: Attempt,
  call: string,
  errno: string,
  said: string[] = [],
): HypervisorError {
  const reason = errno === '' ? `${call} failed` : `${call}: ${errno}`;
  return new HypervisorError({
    call,
    errno,
    ...(attempt.domid === undefined ? {} : { domid: attempt.domid }),
    message: `cannot ${attempt.wanted}: ${reason}${quotedLines(said)}`,
    hint: attempt.hints?.[errno] ?? GENERAL_HINTS[errno] ?? LAST_HINT,
  });
}

/** What a library logged, without the part of each line that says that it is an error of the library. */
export function quotedLines(lines: string[]): string {
  if (lines.length === 0) return '';
  const said = lines.map((line) => line.replace(/^\w+: (error|warning): /, ''));
  return ` (${said.join('; ')})`;
}

/** Whether the hypervisor refuses `ask`, and how; empty when it does not. */
export function refusalOf(ask: () => unknown): HypervisorError[] {
  try {
    ask();
    return [];
  } catch (error) {
    if (error instanceof HypervisorError) return [error];
    throw error;
  }
}

/** The error of something that this side refuses before any library is called. */
export function refused(
  attempt: Attempt,
  call: string,
  errno: string,
  reason: string,
  hint: string,
): HypervisorError {
  return new HypervisorError({
    call,
    errno,
    ...(attempt.domid === undefined ? {} : { domid: attempt.domid }),
    message: `cannot ${attempt.wanted}: ${reason}`,
    hint,
  });
}
