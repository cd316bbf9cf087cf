import { afterCycle, afterKnown } from './after.ts';
import { capabilitiesTogether, capabilityTwice } from './capabilities.ts';
import type { Check } from './check.ts';
import { cmdlineLength } from './cmdline-length.ts';
import { digestTarget } from './digest-target.ts';
import { domidRange } from './domid-range.ts';
import { domidZero } from './domid-zero.ts';
import { duplicateDomid } from './duplicate-domid.ts';
import { duplicateName } from './duplicate-name.ts';
import { duplicateUuid } from './duplicate-uuid.ts';
import { hardwareDomain } from './hardware-domain.ts';
import { hardwareType } from './hardware-type.ts';
import { imagePath } from './image-path.ts';
import { memorySize } from './memory-size.ts';
import { nilUuid } from './nil-uuid.ts';
import { pcrChoice } from './pcr-choice.ts';
import { requiredSomewhere } from './required-somewhere.ts';
import { vcpuCount } from './vcpu-count.ts';

/** Every rule beyond the schema. */
export const checks: readonly Check[] = [
  pcrChoice,
  requiredSomewhere,
  duplicateName,
  duplicateDomid,
  duplicateUuid,
  nilUuid,
  domidRange,
  domidZero,
  hardwareDomain,
  hardwareType,
  capabilitiesTogether,
  capabilityTwice,
  memorySize,
  vcpuCount,
  imagePath,
  cmdlineLength,
  digestTarget,
  afterKnown,
  afterCycle,
];
