import type { Expectation } from './expectation.ts';
import type { Seen } from './judges/judge.ts';

/** Who says that Secure Boot was on, in words; undefined when nobody does. */
export function secureBootClaim(
  { secureBoot }: Expectation,
  { bootLog, secureBoot: logged }: Seen,
): string | undefined {
  if (secureBoot === true) return 'Secure Boot is expected';
  if (logged === true) return "Secure Boot was on, firmware's log says";
  const fact = bootLog?.events.find(
    (event) =>
      event.event === 'machine-fact' && event.fact === 'secureBoot' && event.value === true,
  );
  return fact === undefined ? undefined : 'Secure Boot was on, a boot script was told';
}
