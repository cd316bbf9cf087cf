import type { Check } from './check.ts';

export const maximumVcpus: Check = {
  rule: 'maxvcpus',
  says: 'maxvcpus is for pvh and hvm domains, and not less than vcpus.',
  run({ domains }, report) {
    for (const { path, type, vcpus = 1, maxvcpus } of domains) {
      if (maxvcpus === undefined) continue;
      const at = [...path, 'maxvcpus'];
      if (maxvcpus < vcpus) {
        const message = `${maxvcpus} is less than the ${vcpus} vcpus that the domain starts with`;
        report(at, message, 'give it vcpus or more, or leave it out');
      } else if (type === 'pv' && maxvcpus > vcpus) {
        // Linux asks Xen which vCPUs exist (VCPUOP_is_up) and starts them all.
        report(
          at,
          'a pv kernel starts with all vcpus that it can have',
          'remove maxvcpus, or make the domain pvh or hvm',
        );
      }
    }
  },
};
