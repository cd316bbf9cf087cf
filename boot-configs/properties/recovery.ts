import type { Check } from '../checks/check.ts';
import type { Draft } from '../draft.ts';
import type { Path } from '../path.ts';
import { asksNothing, property } from './property.ts';
import { recoveryPlace } from './recovery-place.ts';

export const recoveryCapabilities: Check = {
  rule: 'recovery-capabilities',
  says: 'The recovery domain has the capabilities control, hardware and xenstore.',
  run({ domains }, report) {
    for (const { path, recovery, capabilities, refused } of domains) {
      if (!recovery || capabilities?.includes('hardware') || refused('capabilities')) continue;
      report(
        [...path, capabilities === undefined ? 'recovery' : 'capabilities'],
        'the recovery domain takes the place of the hardware domain, without its capabilities',
        'write "capabilities: [control, hardware, xenstore]"',
      );
    }
  },
};

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

export const recoveryStart: Check = {
  rule: 'recovery-start',
  says: 'The recovery domain has neither after nor on_failure, and no domain is started after it.',
  run({ domains }, report) {
    const names = new Set(domains.flatMap(({ recovery, name }) => (recovery ? [name] : [])));
    for (const { path, recovery, after = [], on_failure } of domains) {
      if (recovery && after.length > 0) {
        report(
          [...path, 'after'],
          'the recovery domain is started alone, after a failure',
          'remove "after"',
        );
      }
      if (recovery && on_failure !== undefined) {
        report(
          [...path, 'on_failure'],
          'when recovery itself fails, the machine halts',
          'remove "on_failure"',
        );
      }
      for (const [index, name] of after.entries()) {
        if (recovery || name === undefined || !names.has(name)) continue;
        report(
          [...path, 'after', index],
          `${name} is the recovery domain, which is not part of a boot that succeeds`,
          'remove the name',
        );
      }
    }
  },
};

/** The effective manifest has the domain in a place of its own. */
export const recoveryProperty = property({
  checks: [recoveryDomain, recoveryCapabilities, recoveryPlace, recoveryStart],
  read: () => ({}),
  asks: asksNothing,
  shown: 'steps',
  honouredBy: ['steps', 'measurement', 'failure'],
  changeable: false,
});
