/** What becomes here of the keys that xl.cfg(5) has and a manifest lacks. */

/** Why a key has no place in a manifest, and what to do instead. */
export interface Fate {
  /** Follows the key: `"disk" needs a device model`. */
  says: string;
  hint: string;
}

interface Kind extends Fate {
  keys: string;
}

const toDomain0 = 'remove it, or leave the domain to domain 0: "xl create" starts such domains';

/** The kinds of such keys; a key is in one of them. */
export const xlKeyKinds: readonly Kind[] = [
  {
    keys: `acpi_firmware bios bios_path_override boot cdrom channel device_model device_model_args device_model_args_hvm
      device_model_args_pv device_model_override device_model_stubdomain_override device_model_stubdomain_seclabel
      device_model_user device_model_version display dm_restrict firmware firmware_override gfx_passthru hdtype
      keymap nographic opengl p9 pvcalls sdl serial smbios_firmware soundhw spice spice_clipboard_sharing
      spice_image_compression spice_streaming_video spiceagent_mouse spicedisable_ticketing spicehost spicepasswd
      spiceport spicetls_port spiceusbredirection spicevdagent stdvga stubdomain_cmdline stubdomain_kernel
      stubdomain_memory stubdomain_ramdisk usb usbctrl usbdev usbdevice usbversion vdispl vendor_device vfb vga
      videoram vif2 vkb vkb_device vnc vncdisplay vnclisten vncpasswd vncunused vncviewer vsnd xauthority
      xen_platform_pci`,
    says: 'needs a device model or a back end, and none runs while the platform boots',
    hint: toDomain0,
  },
  {
    keys: 'cpu_weight',
    says: "is the scheduler's, which gives every domain the same weight until domain 0 changes that",
    hint: 'remove it; in domain 0, "xl sched-credit2 -d NAME -w WEIGHT" sets it once the domain runs',
  },
  {
    keys: 'cap',
    says: "is the scheduler's, which caps no domain until domain 0 does",
    hint: 'remove it; in domain 0, "xl sched-credit2 -d NAME -c CAP" sets it once the domain runs',
  },
  {
    keys: 'extratime latency period slice',
    says: "is the scheduler's, and all domains start with the same share",
    hint: 'remove it; in domain 0, "xl sched-rtds" or "xl sched-credit2" changes it once the domain runs',
  },
  {
    keys: 'cpus_soft',
    says: 'is a preference for CPUs, and a boot domain has none',
    hint: 'write "cpus" for those that it may run on, or use "xl vcpu-pin NAME all - LIST" in domain 0',
  },
  {
    keys: 'pool',
    says: 'names a CPU pool, and all domains start in the one that Xen makes',
    hint: 'remove it; "xl cpupool-migrate NAME POOL" in domain 0 moves the domain',
  },
  {
    keys: 'on_soft_reset on_watchdog',
    says: 'has no say of its own: a soft reset counts as a reboot, the end by a watchdog as a crash',
    hint: 'remove it, and write "on_reboot" or "on_crash"',
  },
  {
    keys: 'hap',
    says: 'needs no saying: a pvh or hvm domain always has hardware-assisted paging, a pv domain never',
    hint: 'remove it',
  },
  {
    keys: 'oos shadow_memory',
    says: 'is for shadow paging, which no domain has here',
    hint: "remove it: a pvh or hvm domain has hardware-assisted paging, whose memory Xen gets beside the domain's own",
  },
  {
    keys: 'passthrough',
    says: 'needs no saying: a domain uses the IOMMU exactly if it has PCI devices',
    hint: 'write the devices into "pci", and remove it',
  },
  {
    keys: 'dtdev gic_version tee vuart device_tree',
    says: 'is for Arm, and this boots x86',
    hint: 'remove it',
  },
  {
    keys: 'pci_msitranslate pci_permissive pci_power_mgmt pci_seize rdm rdm_mem_boundary',
    says: 'is for all PCI devices of a domain, and here each has what "xl pci-attach" gives it',
    hint: 'remove it, and name the devices in "pci"',
  },
  {
    keys: 'acpi acpi_laptop_slate acpi_s3 acpi_s4 apic hpet nx pae',
    says: 'is decided by the type: hvm has the APIC, HPET and ACPI, pvh the APIC and ACPI, pv none of them',
    hint: 'remove it; "cpuid" hides features of the processor, such as nx',
  },
  {
    keys: 'viridian',
    says: "is for Windows, which can't be a boot domain: it needs firmware",
    hint: toDomain0,
  },
  {
    keys: 'mmio_hole ms_vm_genid vpt_align timer_mode',
    says: "is a setting of libxl's hvm domains, and boot domains have Xen's own",
    hint: toDomain0,
  },
  {
    keys: 'localtime rtc_timeoffset tsc_mode',
    says: "sets a domain's clock, and boot domains start with UTC and Xen's usual TSC",
    hint: "remove it; the kernel's command line chooses the clock source (clocksource=), its userland the time zone",
  },
  {
    keys: 'bootloader bootloader_args',
    says: 'would look for the kernel on a disk, and there are no disks while the platform boots',
    hint: 'remove it, and name a file in "kernel"',
  },
  {
    keys: 'root',
    says: 'is a part of the command line here',
    hint: 'write root=... into "cmdline"',
  },
  {
    keys: 'pvshim pvshim_cmdline pvshim_extra pvshim_path',
    says: 'would start the kernel inside another Xen, and a boot domain is started as what it is',
    hint: 'remove it, and choose pv, pvh or hvm in "type"',
  },
  {
    keys: 'altp2m altp2mhvm',
    says: 'is for tools that look into running domains, and boot domains have only one view of their memory',
    hint: toDomain0,
  },
  {
    keys: 'vmtrace_buf_kb vpmu',
    says: 'is for tracing and counting, which no boot domain has',
    hint: toDomain0,
  },
  {
    keys: 'vnuma',
    says: 'lays memory out in nodes, and boot domains see one node',
    hint: 'remove it; "cpus" keeps a domain on the CPUs of a node',
  },
  {
    keys: 'e820_host mca_caps max_grant_version',
    says: "is a choice that boot domains don't have: Xen's own default holds",
    hint: 'remove it',
  },
  {
    keys: 'nomigrate xend_suspend_evtchn_compat',
    says: 'is about saving and migrating domains, and boot domains stay where they were made',
    hint: 'remove it',
  },
  {
    keys: 'driver_domain',
    says: 'needs no saying: a boot domain that has devices and xenstore can drive them for others',
    hint: 'remove it; the devices stand in "pci", "ioports", "iomem" and "irqs"',
  },
  {
    keys: 'init_seclabel',
    says: 'needs no saying: while domB builds a domain, the type of its label ends in "_building"',
    hint: 'remove it; "seclabel" is the label that it runs under',
  },
];

/** What becomes of a key of xl.cfg that no domain of a manifest has; undefined for any other word. */
export function xlKeyFate(key: string): Fate | undefined {
  return xlKeyKinds.find(({ keys }) => keys.split(/\s+/).includes(key));
}
