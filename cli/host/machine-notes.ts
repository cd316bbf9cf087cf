import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { Manifest } from '../../boot-configs/manifest.ts';
import { hostImages } from '../../platform/host/host-images.ts';
import { hostMicrocode, microcodePackage } from '../../platform/host/microcode.ts';
import { processors } from './processors.ts';

/** Memory of this machine in KiB; undefined where Xen gives this system only a part of it, or nothing says. */
export function machineKiB(): number | undefined {
  if (existsSync('/proc/xen/capabilities') || existsSync('/sys/hypervisor/type')) return undefined;
  try {
    const kib = /^MemTotal: +([0-9]+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1];
    return kib === undefined ? undefined : Number(kib);
  } catch {
    return undefined;
  }
}

/** What the operator should know of this machine and this manifest before going on. */
export function machineNotes(manifest: Manifest): string[] {
  const notes: string[] = [];
  if (!listed('/sys/class/tpm')) {
    notes.push(
      'no TPM is to be seen in this system (/sys/class/tpm): domB does not boot a machine without a TPM 2.0',
    );
  }
  if (!listed('/sys/class/iommu') && !existsSync('/sys/hypervisor/type')) {
    notes.push(
      manifest.platform.iommu === 'required'
        ? 'no IOMMU is to be seen in this system, and the manifest says "iommu: required": such a boot is refused'
        : 'no IOMMU is to be seen in this system: devices reach all memory, and evidence has the gap "dma"',
    );
  }
  const microcode = microcodePackage(processors());
  if (microcode !== undefined && hostMicrocode('/', processors()) === undefined) {
    notes.push(
      `there is no microcode for this host's processors: they keep what firmware has loaded; Debian's package ${microcode}, in non-free-firmware, brings it`,
    );
  }
  for (const { name, ramdisk, cmdline } of manifest.domains) {
    const uuid = /(?:^| )root=UUID=(\S+)/.exec(cmdline ?? '')?.[1];
    if (!ramdisk.includes(hostImages.ramdisk) || uuid === undefined) continue;
    if (existsSync(`/dev/disk/by-uuid/${basename(uuid)}`)) continue;
    notes.push(
      `${name} looks for its root file system by the UUID ${uuid}, which none on this host has; "findmnt -no UUID /" says what to write`,
    );
  }
  for (const { name, ramdisk, cmdline } of manifest.domains) {
    if (ramdisk.includes(hostImages.ramdisk) && !/(^| )root=/.test(cmdline ?? '')) {
      notes.push(
        `${name} has this host's initramfs and no root= on its cmdline: it will not find its root file system; "findmnt -no UUID /" says what to write`,
      );
    }
  }
  for (const { name, uuid } of manifest.domains) {
    if (uuid !== undefined) {
      notes.push(
        `${name} has a fixed uuid: a UUID names one running instance, and here every boot has the same one`,
      );
    }
  }
  return notes;
}

function listed(directory: string): boolean {
  try {
    return readdirSync(directory).length > 0;
  } catch {
    return false;
  }
}
