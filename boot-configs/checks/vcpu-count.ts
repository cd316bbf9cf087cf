import type { Check } from './check.ts';

/** What an ACPI table of local APICs can tell of, with the APIC ids that Xen gives. A pv domain's limit is in the schema. */
const ASSISTED_MAXIMUM = 127;

export const vcpuCount: Check = {
  rule: 'vcpu-count',
  says: 'A pvh or hvm domain has at most 127 vcpus, a pv domain 8192.',
  run({ domains }, report) {
    for (const { path, type, vcpus = 1 } of domains) {
      if (type === undefined || type === 'pv' || vcpus <= ASSISTED_MAXIMUM) continue;
      report(
        [...path, 'vcpus'],
        `a domain of type ${type} can have at most ${ASSISTED_MAXIMUM} vcpus`,
        `write ${ASSISTED_MAXIMUM} or less`,
      );
    }
  },
};
