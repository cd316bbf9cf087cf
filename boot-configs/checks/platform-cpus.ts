import { missingCpus } from '../../domains/rules/xen.ts';
import { cpusOfList } from '../cpu-list.ts';
import type { Check } from './check.ts';

/** Checks that the platform has the CPUs that the domains are tied to. */
export function platformCpus(platform: readonly number[]): Check {
  return {
    rule: 'platform-cpus',
    says: 'The platform has every CPU that a domain names.',
    run({ domains }, report) {
      for (const { path, cpus } of domains) {
        const named = cpus === undefined ? undefined : cpusOfList(cpus);
        const missing = missingCpus({ cpus: named }, platform);
        if (missing.length === 0) continue;
        report(
          [...path, 'cpus'],
          `the platform has no CPU ${missing.join(', ')}`,
          'name CPUs that it has, or correct --platform-cpus',
        );
      }
    },
  };
}
