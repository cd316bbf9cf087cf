import assert from 'node:assert/strict';
import { test } from 'node:test';
import { otherNames } from '../../../boot-configs/schema/other-names.ts';
import { xlKeyFate, xlKeyKinds } from '../../../boot-configs/schema/xl-keys.ts';
import { newest } from '../../../boot-configs/versions/versions.ts';
import { dom0, found, load, manifest, refused } from './support.ts';

/** Every key that has an answer. */
const xlKeys = xlKeyKinds.flatMap(({ keys }) => keys.split(/\s+/));

/** The keys that xl 4.17 reads: those of xl.cfg(5), and those that only tools/xl/xl_parse.c has. */
const keysOfXl =
  `acpi acpi_firmware acpi_laptop_slate acpi_s3 acpi_s4 altp2m altp2mhvm apic bios bios_path_override boot bootloader
 bootloader_args builder cap channel cmdline cpu_weight cpuid cpus cpus_soft device_model device_model_args
 device_model_args_hvm device_model_args_pv device_model_override device_model_stubdomain_override
 device_model_stubdomain_seclabel device_model_user device_model_version device_tree disk display dm_restrict
 driver_domain dtdev e820_host extra extratime firmware firmware_override gfx_passthru gic_version hap hdtype hpet
 init_seclabel iomem ioports irqs kernel keymap latency localtime max_event_channels max_grant_frames
 max_grant_version max_maptrack_frames maxmem maxvcpus mca_caps memory mmio_hole ms_vm_genid msr_relaxed name
 nestedhvm nographic nomigrate nx on_crash on_poweroff on_reboot on_soft_reset on_watchdog oos opengl p9 pae
 passthrough pci pci_msitranslate pci_permissive pci_power_mgmt pci_seize period pool pvcalls pvshim pvshim_cmdline
 pvshim_extra pvshim_path ramdisk rdm rdm_mem_boundary root rtc_timeoffset sdl seclabel serial shadow_memory slice
 smbios_firmware soundhw spice spice_clipboard_sharing spice_image_compression spice_streaming_video
 spiceagent_mouse spicedisable_ticketing spicehost spicepasswd spiceport spicetls_port spiceusbredirection
 spicevdagent stdvga stubdomain_cmdline stubdomain_kernel stubdomain_memory stubdomain_ramdisk tee timer_mode
 tsc_mode type usb usbctrl usbdev usbdevice usbversion uuid vcpus vdispl vendor_device vfb vga videoram vif vif2
 viridian vkb vkb_device vmtrace_buf_kb vnc vncdisplay vnclisten vncpasswd vncunused vncviewer vnuma vpmu vpt_align
 vsnd vtpm vuart xauthority xen_platform_pci xend_suspend_evtchn_compat`.split(/\s+/);

const own = newest.shapes['domains[]']?.keys ?? [];

test('every key of xl.cfg is a property here, another name for one, or has its answer; never two of them', () => {
  for (const key of keysOfXl) {
    const answers = [own.includes(key), otherNames.has(key), xlKeyFate(key) !== undefined];
    assert.deepEqual(
      answers.filter((answer) => answer),
      [true],
      key,
    );
  }
});

test('answers are given once, and for keys of xl.cfg or of its predecessors', () => {
  const keys = xlKeys;
  assert.deepEqual(keys, [...new Set(keys)]);
  assert.deepEqual(
    keys.filter((key) => !keysOfXl.includes(key)),
    ['cdrom'],
  );
});

test('an answer fits behind its key, and its hint names no key that there is not', () => {
  for (const key of xlKeys) {
    const { says, hint } = xlKeyFate(key) ?? assert.fail(key);
    assert.match(says, /^(is|are|has|have|needs|would|names|lays|sets) /);
    for (const [, name = ''] of hint.matchAll(/"([a-z_]+)[":]/g)) {
      assert.ok(own.includes(name) || ['xl', 'platform'].includes(name), `${key}: ${name}`);
    }
  }
});

test('each key is answered where a domain or the defaults have it', () => {
  const text = manifest(`${dom0}\n    cap: 1`, 'defaults:\n  on_watchdog: destroy\n');
  assert.deepEqual(
    refused(text).problems.map(({ line, message }) => `${line}: ${message}`),
    [
      '3: "on_watchdog" has no say of its own: a soft reset counts as a reboot, the end by a watchdog as a crash',
      '12: "cap" is the scheduler\'s, which caps no domain until domain 0 does',
    ],
  );
});

test('a manifest is not taken for a file for xl because of a line with =', () => {
  const text = manifest(
    `${dom0}\n    cmdline: >-\n      quiet\n      root=/dev/xvda1\n      vcpus = 2`,
  );
  assert.equal(load(text).domains[0]?.cmdline, 'quiet root=/dev/xvda1 vcpus = 2');
});

test('a manifest with mistakes is not taken for one either', () => {
  const text = manifest(`${dom0}\n    cmdline: >-\n      quiet\n      root=/dev/xvda1`);
  assert.deepEqual(found(text.replace('version: 2', 'Version: 2').replace('domains:', 'domain:')), [
    '1:1 unknown-key Version',
    '2:1 unknown-key domain',
  ]);
});

test('a text with assignments that xl has not is no file for xl', () => {
  assert.deepEqual(found('colour = red\n'), ['1:1 wrong-type']);
});
