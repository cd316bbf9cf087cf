import type { Check } from './check.ts';

/** HVM_MAX_VCPUS in xen/include/public/hvm/hvm_info_table.h. A pv domain's limit, MAX_VIRT_CPUS, is in the schema. */
const PVH_MAXIMUM = 128;

export const vcpuCount: Check = {
  rule: 'vcpu-count',
  says: 'A pvh domain has at most 128 vcpus, a pv domain 8192.',
  run({ domains }, report) {
    for (const { path, type, vcpus = 1 } of domains) {
      if (type !== 'pvh' || vcpus <= PVH_MAXIMUM) continue;
      report(
        [...path, 'vcpus'],
        `Xen gives a pvh domain at most ${PVH_MAXIMUM} vcpus`,
        `write ${PVH_MAXIMUM} or less`,
      );
    }
  },
};
