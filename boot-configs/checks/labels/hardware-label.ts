import { allowedOf } from '../../policy/allowed.ts';
import { isForBuilding } from '../../policy/platform-types.ts';
import type { LabelRule } from './labelled.ts';

/** The boot domain's own label. FLASK takes it once, for the domain that Xen itself builds (flask_domain_create). */
export const builderLabel: LabelRule = {
  rule: 'seclabel-boot-domain',
  says: "No domain has the boot domain's label.",
  fault({ builder }, { type }) {
    if (type !== builder) return undefined;
    return {
      message: `${type} is the label of the boot domain, which Xen gives to the domain that it builds itself and to no other`,
      hint: 'give the domain one that says what it may do',
    };
  },
};

/** domB takes this label off a domain before anything runs in it. */
export const buildingLabel: LabelRule = {
  rule: 'seclabel-building',
  says: 'No domain has a label that domains have only while they are built.',
  fault({ policy }, { type }) {
    if (!isForBuilding(policy, type)) return undefined;
    return {
      message: `${type} is what domB labels a domain while it builds it, and no domain that runs`,
      hint: 'give it the one that it is to have then',
    };
  },
};

/** Xen asks when the hardware domain is created (flask_init_hardware_domain). */
export const hardwareLabel: LabelRule = {
  rule: 'seclabel-hardware',
  says: 'The hardware domain has a label with which the policy allows it to be that, and no other domain has one.',
  fault({ policy, builder }, { type, building, hardware }) {
    const may = allowedOf(policy, builder, building, 'domain2').has('create_hardware_domain');
    if (may === hardware) return undefined;
    if (hardware) {
      return {
        message: `${type} is no label for the hardware domain: the policy does not allow ${builder} ${building}:domain2 create_hardware_domain`,
        hint: 'give it one with which it may be that',
      };
    }
    return {
      message: `${type} is a label for the hardware domain, which this domain is not`,
      hint: 'give it one for guests',
    };
  },
};
