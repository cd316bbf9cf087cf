import { diskDevice, nicDevice } from './libxl-devices.ts';
import { libxlType } from './nodes.ts';
import type { BootDomain } from './record.ts';

/**
 * What libxl keeps of the configuration of a domain that it created, in its own JSON form, as far as domB knows it. xl list -l
 * prints it, changes to a running domain are noted there, and "xl save" keeps it for "xl restore".
 * @param seclabel the domain's; without it libxl restores an ordinary guest
 */
export function libxlConfiguration(domain: BootDomain, seclabel: string): string {
  return JSON.stringify(known(domain, seclabel));
}

/** What an instance of a domain is built from, and who it is. */
export interface Instance {
  /** As measured. */
  seclabel: string;
  uuid: string;
  /** Paths of files in this domain. */
  kernel: string;
  ramdisk: string | undefined;
}

/** A configuration from which libxl builds such a domain again, with its domid and its devices (libxl_types.idl). */
export function libxlCreation(domain: BootDomain, instance: Instance): string {
  const { again, domid, maxVcpus, disks, vifs } = domain;
  if (again === undefined) throw new Error(`nobody said what ${domain.name} is built from`);
  const { seclabel, uuid, kernel, ramdisk } = instance;
  const { cmdline, cpus, limits, nestedHvm, msrRelaxed } = again;
  const { c_info, b_info, ...others } = known({ ...domain, uuid }, seclabel);
  // What is undefined is left out of the text.
  return JSON.stringify({
    c_info: { ...c_info, domid },
    b_info: {
      ...b_info,
      // libxl takes a 0 for what is there for the page tables of a pvh domain; this it finds out itself.
      shadow_memkb: undefined,
      ...{ kernel, ramdisk, cmdline },
      vcpu_hard_affinity: cpus && Array.from({ length: maxVcpus }, () => cpus),
      max_grant_frames: limits.grantFrames,
      max_maptrack_frames: limits.maptrackFrames,
      event_channels: limits.eventChannels,
      nested_hvm: nestedHvm ? 'True' : undefined,
      arch_x86: msrRelaxed ? { msr_relaxed: 'True' } : undefined,
    },
    disks: disks.map((disk) => JSON.parse(diskDevice(disk).json) as unknown),
    nics: vifs.map((vif, index) => JSON.parse(nicDevice(vif, index).json) as unknown),
    ...others,
  });
}

function known(domain: BootDomain, seclabel: string) {
  const { name, uuid, ends, memoryKiB, maxMemoryKiB, vcpus, maxVcpus } = domain;
  const type = libxlType(domain);
  return {
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
  };
}
