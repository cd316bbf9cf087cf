import type { Draft } from '../draft.ts';
import type { Path } from '../path.ts';
import type { Check } from './check.ts';

export const recoveryDomain: Check = {
  rule: 'recovery-domain',
  says: 'Where some on_failure is recovery there is one domain with "recovery: true", otherwise none.',
  run(draft, report) {
    const { domains, incomplete } = draft;
    const [first, ...more] = domains.filter(({ recovery }) => recovery);
    for (const { path } of more) {
      report(
        [...path, 'recovery'],
        `the recovery domain is ${first?.name ?? 'an earlier domain'} already, and there is one only`,
        'remove "recovery" from one of the two',
      );
    }
    const wish = wishes(draft)[0];
    if (wish !== undefined && first === undefined) {
      if (incomplete || domains.some((domain) => domain.refused('recovery'))) return;
      report(
        wish,
        'there is no recovery domain',
        'add a domain with "recovery: true", or write halt or reboot',
      );
    }
    if (wish === undefined && first !== undefined) {
      if (incomplete || domains.some((domain) => domain.refused('on_failure'))) return;
      report(
        [...first.path, 'recovery'],
        'no on_failure asks for the recovery domain, so it would never start',
        'write "on_failure: recovery" under platform, or remove the domain',
      );
    }
  },
};

/** The places that ask for recovery. */
function wishes({ onFailure, domains }: Draft): Path[] {
  const own = domains.flatMap(({ path, on_failure }) =>
    on_failure === 'recovery' ? [[...path, 'on_failure']] : [],
  );
  return onFailure === 'recovery' ? [['platform', 'on_failure'], ...own] : own;
}
