import { propertyChecks } from '../properties/table.ts';
import type { Check } from './check.ts';
import { duplicateScript } from './duplicate-script.ts';
import { handoverDirectory } from './handover-directory.ts';
import { iommuDomid } from './iommu-domid.ts';
import { pcrChoice } from './pcr-choice.ts';
import { requiredSomewhere } from './required-somewhere.ts';
import { timeoutDomid } from './timeout-domid.ts';

/** Every rule beyond the schema. */
export const manifestChecks: readonly Check[] = [
  pcrChoice,
  timeoutDomid,
  iommuDomid,
  handoverDirectory,
  requiredSomewhere,
  ...propertyChecks,
  duplicateScript,
];
