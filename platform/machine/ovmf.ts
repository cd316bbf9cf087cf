import { copyFile, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runProgram } from '../lib/run.ts';

/** OVMF, UEFI firmware for QEMU, loads one EFI application and measures it into the TPM. */
export interface FirmwareStart {
  /** Writes the EFI application into a file. */
  efi: (file: string) => Promise<void>;
  /**
   * Start only what is signed with the key that Debian's ovmf package brings for tests and enrols in its variable store
   * (/usr/share/ovmf/PkKek-1-snakeoil.pem).
   */
  secureBoot: boolean;
  /** Load options for the application. It is then started from OVMF's shell, and what PCR 4 holds is another matter. */
  loadOptions?: string | undefined;
}

/** Firmware starts what it finds on the machine's disk, or what its variables say. */
export interface DiskStart {
  /** File with firmware's variables, as the start before has left them, and a copy of {@link enrolledKeys} before the first; it is written to. */
  variables: string;
  /** Start only what is signed with a key that is enrolled in them, as somebody has chosen in firmware's menu. */
  secureBoot: boolean;
}

/** Names of files in the machine's directory. */
export const efiFile = 'boot.efi';
const diskFile = 'boot.fat';
const variablesFile = 'ovmf-variables.fd';

/** Where Debian's package ovmf puts its builds. */
const ovmf = '/usr/share/OVMF';

/** The variables of a machine with Secure Boot before its first start: the snakeoil key is enrolled. */
export const enrolledKeys = join(ovmf, 'OVMF_VARS_4M.snakeoil.fd');

const secureBootArguments = [
  // Only in system management mode may the variables be written that Secure Boot relies on.
  ...['-machine', 'smm=on', '-global', 'driver=cfi.pflash01,property=secure,value=on'],
  // Otherwise this build keeps memory at 16 MiB for waking up, where a Linux 6.1 PV kernel cannot do without.
  ...['-global', 'ICH9-LPC.disable_s3=1'],
];

/** Writes disk and variable store into `directory` and returns QEMU's arguments for them. */
export async function firmwareArguments(
  { efi, secureBoot, loadOptions }: FirmwareStart,
  directory: string,
): Promise<string[]> {
  const application = join(directory, efiFile);
  const disk = join(directory, diskFile);
  const variables = join(directory, variablesFile);
  await efi(application);
  await makeBootDisk(application, disk, loadOptions);
  await copyFile(secureBoot ? enrolledKeys : join(ovmf, 'OVMF_VARS_4M.fd'), variables);
  return [
    ...flashArguments(variables, secureBoot),
    ...['-drive', `if=none,id=boot,format=raw,readonly=on,file=${disk}`],
    // The first boot option: firmware measures every one that it tries.
    ...['-device', 'virtio-blk-pci,drive=boot,bootindex=0'],
  ];
}

/** Switches Secure Boot on or off in the variables, and returns QEMU's arguments. */
export async function diskStartArguments({ variables, secureBoot }: DiskStart): Promise<string[]> {
  const bytes = await readFile(variables);
  // EDK2, SecurityPkg/Include/Guid/AuthenticatedVariableFormat.h: one byte, which stands in the store behind the variable's name.
  const name = Buffer.from('SecureBootEnable\0', 'utf16le');
  const at = bytes.indexOf(name);
  if (at === -1)
    throw new Error(`${variables}: no keys are enrolled, and Secure Boot has no switch`);
  for (let from = at; from !== -1; from = bytes.indexOf(name, from + 1)) {
    bytes[from + name.length] = secureBoot ? 1 : 0;
  }
  await writeFile(variables, bytes);
  return flashArguments(variables, secureBoot);
}

function flashArguments(variables: string, secureBoot: boolean): string[] {
  const code = join(ovmf, `OVMF_CODE_4M${secureBoot ? '.secboot' : ''}.fd`);
  return [
    ...['-drive', `if=pflash,unit=0,format=raw,readonly=on,file=${code}`],
    ...['-drive', `if=pflash,unit=1,format=raw,file=${variables}`],
    ...(secureBoot ? secureBootArguments : []),
  ];
}

/** A FAT file system with the application where firmware, or the script of OVMF's shell, looks for it. */
async function makeBootDisk(
  application: string,
  disk: string,
  loadOptions: string | undefined,
): Promise<void> {
  const { size } = await stat(application);
  // Room for the allocation tables and directories beside the file; FAT32 begins at 33 MiB.
  const sectors = Math.ceil(size / 512) + 2 ** 17;
  await runProgram('mformat', ['-C', '-F', '-i', disk, '-T', String(sectors), '::']);
  const copy = (from: string, to: string, input?: string) =>
    runProgram('mcopy', ['-i', disk, from, `::${to}`], input === undefined ? {} : { input });
  if (loadOptions === undefined) {
    // The default for removable media. UEFI 2.10, 3.5.1.1.
    await runProgram('mmd', ['-i', disk, '::/EFI', '::/EFI/BOOT']);
    await copy(application, '/EFI/BOOT/BOOTX64.EFI');
  } else {
    await copy(application, '/domb.efi');
    await copy('-', '/startup.nsh', `fs0:\\domb.efi ${loadOptions}\r\n`);
  }
}
