import { afterCycle, afterKnown } from './after.ts';
import { autostart } from './autostart.ts';
import { capabilitiesTogether, capabilityTwice } from './capabilities.ts';
import type { Check } from './check.ts';
import { cmdlineLength } from './cmdline-length.ts';
import { cpuNumbers } from './cpu-numbers.ts';
import { cpuid } from './cpuid.ts';
import { criticalHardware } from './critical-hardware.ts';
import { deviceHolder } from './device-holder.ts';
import { deviceOverlap } from './device-overlap.ts';
import { deviceRange } from './device-range.ts';
import { digestTarget } from './digest-target.ts';
import { domainPcr, unmeasured } from './domain-measurement.ts';
import { domidRange } from './domid-range.ts';
import { domidZero } from './domid-zero.ts';
import { duplicateDomid } from './duplicate-domid.ts';
import { duplicateName } from './duplicate-name.ts';
import { duplicateScript } from './duplicate-script.ts';
import { duplicateUuid } from './duplicate-uuid.ts';
import { failureOfDispensable } from './failure-of-dispensable.ts';
import { handoverDirectory } from './handover-directory.ts';
import { hardwareDomain } from './hardware-domain.ts';
import { hardwareType } from './hardware-type.ts';
import { imagePath } from './image-path.ts';
import { maximumMemory } from './maximum-memory.ts';
import { maximumVcpus } from './maximum-vcpus.ts';
import { memorySize } from './memory-size.ts';
import { nestedHvm } from './nested-hvm.ts';
import { nilUuid } from './nil-uuid.ts';
import { pciDevices } from './pci-devices.ts';
import { pcrChoice } from './pcr-choice.ts';
import { recoveryCapabilities } from './recovery-capabilities.ts';
import { recoveryDomain } from './recovery-domain.ts';
import { recoveryPlace } from './recovery-place.ts';
import { recoveryStart } from './recovery-start.ts';
import { requiredSomewhere } from './required-somewhere.ts';
import { timeoutDomid } from './timeout-domid.ts';
import { vcpuCount } from './vcpu-count.ts';
import { vtpmBackend, vtpmCritical, vtpmOrder, vtpmXenstore } from './vtpm.ts';
import { xenstoreClient } from './xenstore-client.ts';

/** Every rule beyond the schema. */
export const checks: readonly Check[] = [
  pcrChoice,
  timeoutDomid,
  handoverDirectory,
  requiredSomewhere,
  duplicateName,
  duplicateDomid,
  duplicateUuid,
  duplicateScript,
  nilUuid,
  domidRange,
  domidZero,
  hardwareDomain,
  hardwareType,
  capabilitiesTogether,
  capabilityTwice,
  memorySize,
  maximumMemory,
  vcpuCount,
  maximumVcpus,
  cpuid,
  nestedHvm,
  cpuNumbers,
  deviceHolder,
  deviceRange,
  deviceOverlap,
  xenstoreClient,
  pciDevices,
  imagePath,
  cmdlineLength,
  digestTarget,
  domainPcr,
  unmeasured,
  afterKnown,
  afterCycle,
  autostart,
  vtpmBackend,
  vtpmXenstore,
  vtpmOrder,
  vtpmCritical,
  criticalHardware,
  failureOfDispensable,
  recoveryDomain,
  recoveryCapabilities,
  recoveryPlace,
  recoveryStart,
];
