import type { MeasuredLog } from './read-log.ts';

/** How a boot ended, as its two logs say it. */
export interface BootEnd {
  /** `recovery`: it failed, and went on into its recovery domain. `failed`: it failed, and into nothing that is known. */
  readonly end: 'complete' | 'recovery' | 'failed';
  /** The domains that were built when the registers were capped. They are started after that, which no log tells. */
  readonly built: readonly string[];
  /** Those that the boot went on without, and why. */
  readonly missing: readonly { readonly domain: string; readonly why: string }[];
}

/** @param log and @param bootLog are those of one boot: one quote vouches for them */
export function bootEnd({ events }: MeasuredLog, { events: own }: MeasuredLog): BootEnd {
  const missing = own.flatMap((event) =>
    event.event === 'error' && event.domain !== undefined
      ? [{ domain: event.domain, why: event.what }]
      : [],
  );
  const domains = events.flatMap((event) => (event.event === 'domain' ? [event] : []));
  const names = (recovery: boolean) =>
    domains.filter(({ role }) => (role === 'recovery') === recovery).map(({ domain }) => domain);
  if (!events.some(({ event }) => event === 'error')) {
    const lost = new Set(missing.map(({ domain }) => domain));
    return { end: 'complete', built: names(false).filter((name) => !lost.has(name)), missing };
  }
  // It gets an identity only when a failed boot goes on into it.
  const identified = new Set(
    own.flatMap((event) => (event.event === 'identity' ? [event.domain] : [])),
  );
  const built = names(true).filter((name) => identified.has(name));
  return { end: built.length > 0 ? 'recovery' : 'failed', built, missing };
}
