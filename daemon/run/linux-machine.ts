import { existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { openDevice } from 'node-tpm2-pts';
import { loadModule, MountFlag, mount, reboot } from '../../bindings/libc.ts';
import { takeFile } from '../../bindings/mapped-files.ts';
import { limitGrowth } from '../../bindings/memory-limit.ts';
import { XenHypervisor } from '../../bindings/xen-hypervisor.ts';
import { BootFailure } from '../plan/failure.ts';
import { paths } from '../plan/settings.ts';
import type { Machine } from './machine.ts';
import { takePackedFile } from './packed-file.ts';
import { openPhysicalMemory } from './physical-memory.ts';

/** Linux makes it for a TPM 2.0 only. */
const tpm2Device = '/dev/tpmrm0';
/**
 * The same TPM without Linux's resource manager, which loads and saves keys and sessions around each command. Nobody else is here who
 * could need that, and what we make we flush.
 */
const tpmDevice = '/dev/tpm0';
const firmwareLog = '/sys/kernel/security/tpm0/binary_bios_measurements';
const tpmClass = '/sys/class/tpm/tpm0';

const { noSuid, noExec, noDev } = MountFlag;
const filesystems = [
  { type: 'proc', target: '/proc', flags: noSuid | noExec | noDev },
  { type: 'sysfs', target: '/sys', flags: noSuid | noExec | noDev },
  { type: 'securityfs', target: '/sys/kernel/security', flags: noSuid | noExec | noDev },
  { type: 'devtmpfs', target: '/dev', flags: noSuid | noExec },
  { type: 'tmpfs', target: '/run', flags: noSuid | noDev },
] as const;

function mountPoints(): Set<string> {
  const table = '/proc/self/mounts';
  const lines = existsSync(table) ? readFileSync(table, 'utf8').split('\n') : [];
  return new Set(lines.map((line) => line.split(' ')[1] ?? ''));
}

function unreadable(path: string, error: unknown): BootFailure {
  const { code, message } = error as NodeJS.ErrnoException;
  return new BootFailure(
    `${path}: ${code === 'ENOENT' ? 'no such file in the boot image' : message}`,
    'build the boot image again; it holds what the manifest names',
    { cause: error },
  );
}

/** The real machine: this process is init of a Linux domain. */
export const linuxMachine: Machine = {
  logDirectory: '/run/domb',

  mountFilesystems() {
    const mounted = mountPoints();
    // Under systemd they are there already.
    const missing = filesystems.filter(({ target }) => !mounted.has(target));
    for (const { type, target, flags } of missing) {
      mkdirSync(target, { recursive: true });
      mount(type, target, type, flags);
    }
    return missing.map(({ target }) => target);
  },

  loadModule(path) {
    try {
      loadModule(path);
    } catch (error) {
      // Loaded by somebody else is as good.
      if ((error as { errno?: string }).errno !== 'EEXIST') throw error;
    }
  },

  async readFile(path) {
    return readFile(path).catch((error) => {
      throw unreadable(path, error);
    });
  },

  takeFile(path) {
    try {
      const packed = path.startsWith(`${paths.images}/`)
        ? path.replace(paths.images, paths.packedImages)
        : undefined;
      return packed !== undefined && existsSync(packed) ? takePackedFile(packed) : takeFile(path);
    } catch (error) {
      throw unreadable(path, error);
    }
  },

  async openTpm() {
    if (!existsSync(tpm2Device)) {
      throw new BootFailure(
        `no TPM 2.0: ${tpm2Device} does not exist`,
        'enable the TPM in the firmware set-up, and where it is enabled look for lines of tpm_tis and tpm_crb on the console: it may be dead; domB never boots unmeasured',
      );
    }
    // Nothing else is there to do meanwhile.
    return openDevice(tpmDevice, { blocking: true });
  },

  async firmwareLog() {
    // Linux gives this file no size; it has to be read to its end before anything parses it.
    return existsSync(firmwareLog) ? readFile(firmwareLog) : undefined;
  },

  async systemFile(path) {
    // These have no size that could be believed.
    return existsSync(path) ? readFile(path) : undefined;
  },

  physicalMemory: () => openPhysicalMemory(),

  releaseTpm() {
    const device = realpathSync(join(tpmClass, 'device'));
    const driver = realpathSync(join(device, 'driver'));
    writeFileSync(join(driver, 'unbind'), basename(device));
    if (existsSync(tpmClass)) {
      throw new BootFailure(
        `${basename(device)}: driver ${basename(driver)} still holds the TPM`,
        'report this: the TPM must be released before dom0 starts',
      );
    }
  },

  limitGrowth,

  openHypervisor: async () => XenHypervisor.open(),

  // Power-off would go through ACPI and take the host down even when domB has nothing to say any more.
  end: (how) => reboot(how === 'halt' ? 'halt' : 'restart'),
};
