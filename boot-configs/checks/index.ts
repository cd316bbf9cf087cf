import { propertyChecks } from '../properties/table.ts';
import type { Check } from './check.ts';
import { duplicateScript } from './duplicate-script.ts';
import { handoverDirectory } from './handover-directory.ts';
import { iommuDomid } from './iommu-domid.ts';
import { pcrChoice } from './pcr-choice.ts';
import { requiredSomewhere } from './required-somewhere.ts';
import { timeoutDomid } from './timeout-domid.ts';
import { vtpmApprover } from './vtpm-approver.ts';

/** Every rule beyond the schema. */
export const manifestChecks: readonly Check[] = [
  pcrChoice,
  timeoutDomid,
  iommuDomid,
  handoverDirectory,
  vtpmApprover,
  requiredSomewhere,
  ...propertyChecks,
  duplicateScript,
];
