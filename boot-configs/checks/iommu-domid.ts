import type { Check } from './check.ts';

export const iommuDomid: Check = {
  rule: 'iommu-domid',
  says: 'With `iommu: required` the hardware domain has domid 0.',
  run({ domains, iommu }, report) {
    const hardware = domains.find(
      ({ recovery, capabilities }) => !recovery && capabilities?.includes('hardware'),
    );
    if (iommu !== 'required' || hardware?.domid === undefined || hardware.domid === 0) return;
    // A stock Xen switches VT-d on when it makes the hardware domain.
    report(
      ['platform', 'iommu'],
      `a Xen that makes domain ${hardware.domid} the hardware domain keeps no device from memory before that`,
      'write "optional", or boot a Xen with the boot-domain option and give the hardware domain domid 0',
    );
  },
};
