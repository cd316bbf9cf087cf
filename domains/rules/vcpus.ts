import type { Fault, Known } from './rule.ts';

/**
 * What an ACPI table of local APICs can tell of, with the APIC ids that Xen gives: an entry has 8 bits for the id, and all
 * ones stand for every processor (ACPI 6.4, 5.2.12.2).
 */
export const MOST_ASSISTED_VCPUS = 127;

export function vcpusFault({ type, vcpus }: Known<'type' | 'vcpus'>): Fault | undefined {
  if (type === undefined || type === 'pv') return undefined;
  if (vcpus === undefined || vcpus <= MOST_ASSISTED_VCPUS) return undefined;
  return {
    message: `a domain of type ${type} can have at most ${MOST_ASSISTED_VCPUS} vcpus`,
    hint: `write ${MOST_ASSISTED_VCPUS} or less`,
  };
}

export function maximumVcpusFault({
  type,
  vcpus,
  maxVcpus,
  xenstore,
  hardware,
}: Known<'type' | 'vcpus' | 'maxVcpus' | 'xenstore' | 'hardware'>): Fault | undefined {
  if (vcpus === undefined || maxVcpus === undefined || maxVcpus === vcpus) return undefined;
  if (maxVcpus < vcpus) {
    return {
      message: `${maxVcpus} is less than the ${vcpus} vcpus that the domain starts with`,
      hint: 'give it vcpus or more, or leave it out',
    };
  }
  if (type === 'pv' && xenstore === false) {
    // Linux starts all vCPUs that exist (VCPUOP_is_up) and takes down those that xenstore calls offline.
    return {
      message: 'without xenstore a pv kernel uses all vcpus that it can have',
      hint: hardware
        ? 'remove maxvcpus, which the hardware domain cannot have'
        : 'add xenstore: true, remove maxvcpus, or make the domain pvh or hvm',
    };
  }
  return vcpusFault({ type, vcpus: maxVcpus });
}
