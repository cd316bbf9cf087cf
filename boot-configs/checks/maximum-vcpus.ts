import type { Check } from './check.ts';

export const maximumVcpus: Check = {
  rule: 'maxvcpus',
  says: 'maxvcpus is not less than vcpus, and a pv domain that has more needs xenstore.',
  run({ domains }, report) {
    for (const domain of domains) {
      const { path, type, vcpus = 1, maxvcpus } = domain;
      const xenstore = domain.xenstore === true || domain.refused('xenstore');
      if (maxvcpus === undefined) continue;
      const at = [...path, 'maxvcpus'];
      if (maxvcpus < vcpus) {
        const message = `${maxvcpus} is less than the ${vcpus} vcpus that the domain starts with`;
        report(at, message, 'give it vcpus or more, or leave it out');
      } else if (type === 'pv' && maxvcpus > vcpus && !xenstore) {
        // Linux starts all vCPUs that exist (VCPUOP_is_up) and takes down those that xenstore calls offline.
        const message = 'without xenstore a pv kernel uses all vcpus that it can have';
        const hardware = domain.capabilities?.includes('hardware') === true;
        const remedy = 'add xenstore: true, remove maxvcpus, or make the domain pvh or hvm';
        report(
          at,
          message,
          hardware ? 'remove maxvcpus, which the hardware domain cannot have' : remedy,
        );
      }
    }
  },
};
