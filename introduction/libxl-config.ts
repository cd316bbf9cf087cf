import { libxlType } from './nodes.ts';
import type { BootDomain } from './record.ts';

/**
 * What libxl keeps of the configuration of a domain that it created, in its own JSON form, as far as domB knows it. xl list -l
 * prints it, and changes to a running domain are noted there.
 */
export function libxlConfiguration(domain: BootDomain): string {
  const { name, uuid, ends, memoryKiB, maxMemoryKiB, vcpus, maxVcpus } = domain;
  const type = libxlType(domain);
  return JSON.stringify({
    c_info: { type, name, uuid },
    b_info: {
      max_vcpus: maxVcpus,
      avail_vcpus: Array.from({ length: vcpus }, (_, cpu) => cpu),
      max_memkb: maxMemoryKiB,
      target_memkb: memoryKiB,
      shadow_memkb: 0,
      [`type.${type}`]: {},
    },
    // It is "domb watch" that acts on these, where it runs.
    on_poweroff: ends.poweroff,
    on_reboot: ends.reboot,
    on_crash: ends.crash,
  });
}
