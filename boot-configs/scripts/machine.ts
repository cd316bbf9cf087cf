import type { BootScript } from '../../boot-scripts/api.ts';

/** Says which machine the platform boots on. Each fact that it reads is measured, and a verifier is told. */
const machine: BootScript<'before_planning'> = (boot) => {
  const { smbios, tpm, secureBoot, microcode = 'unknown', pci = [] } = boot.host;
  boot.log(`${smbios?.vendor} ${smbios?.product}, BIOS ${smbios?.bios.version}`);
  boot.log(`TPM of ${tpm?.manufacturer}, firmware ${tpm?.firmware}; microcode ${microcode}`);
  boot.log(`Secure Boot: ${secureBoot ?? 'unknown'}; ${pci.length} functions of PCI devices`);
};

export default machine;
