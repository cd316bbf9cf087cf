import { maximumVcpusFault, vcpusFault } from '../../domains/rules/vcpus.ts';
import type { Check } from '../checks/check.ts';
import { hasXenstore, isHardware } from '../draft.ts';
import { atCreation, property } from './property.ts';

export const vcpuCount: Check = {
  rule: 'vcpu-count',
  says: 'A pvh or hvm domain has at most 127 vcpus, a pv domain 8192.',
  run({ domains }, report) {
    for (const { path, type, vcpus } of domains) {
      const fault = vcpusFault({ type, vcpus });
      if (fault) report([...path, 'vcpus'], fault.message, fault.hint);
    }
  },
};

export const maximumVcpus: Check = {
  rule: 'maxvcpus',
  says: 'maxvcpus is not less than vcpus, and a pv domain that has more needs xenstore.',
  run({ domains }, report) {
    for (const domain of domains) {
      const { path, type, vcpus = 1, maxvcpus: maxVcpus } = domain;
      const xenstore = hasXenstore(domain);
      const hardware = isHardware(domain);
      const fault = maximumVcpusFault({ type, vcpus, maxVcpus, xenstore, hardware });
      if (fault) report([...path, 'maxvcpus'], fault.message, fault.hint);
    }
  },
};

export const vcpusProperty = property({
  checks: [vcpuCount],
  read: ({ vcpus = 1 }) => ({ vcpus }),
  asks: ({ vcpus }) => ({ vcpus }),
  shown: atCreation(({ vcpus }) => ({ vcpus })),
  honouredBy: ['creation', 'record'],
  changeable: true,
});

export const maxvcpusProperty = property({
  checks: [maximumVcpus],
  read: ({ vcpus = 1, maxvcpus = vcpus }) => ({ maxVcpus: maxvcpus }),
  asks: ({ maxVcpus }) => ({ maxVcpus }),
  shown: atCreation(({ vcpus, maxVcpus }) =>
    maxVcpus > vcpus ? { maxvcpus: maxVcpus } : undefined,
  ),
  honouredBy: ['creation', 'record'],
  changeable: false,
});
