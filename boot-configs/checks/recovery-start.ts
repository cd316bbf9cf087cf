import type { Check } from './check.ts';

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
