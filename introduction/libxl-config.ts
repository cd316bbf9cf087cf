import { libxlType } from './nodes.ts';
import type { BootDomain } from './record.ts';

/**
 * What libxl keeps of the configuration of a domain that it created, in its own JSON form, as far as domB knows it. xl list -l
 * prints it, changes to a running domain are noted there, and "xl save" keeps it for "xl restore".
 * @param seclabel the domain's; without it libxl restores an ordinary guest
 */
export function libxlConfiguration(domain: BootDomain, seclabel: string): string {
  const { name, uuid, ends, memoryKiB, maxMemoryKiB, vcpus, maxVcpus } = domain;
  const type = libxlType(domain);
  return JSON.stringify({
    c_info: { type, name, uuid, ssid_label: seclabel },
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
