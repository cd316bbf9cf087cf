import { mkdir } from 'node:fs/promises';
import { basename } from 'node:path';
import { pcrBanks, Tpm } from 'node-tpm2-pts';
import { BOOT_LOG_FILE_NAME, MeasurementLog } from '../../../measurement/measurement-log.ts';
import { BootFailure } from '../../plan/failure.ts';
import type { Operation } from '../../plan/operations.ts';
import { type BootState, type EarlyState, type OpenState, present } from '../state.ts';
import { TimedTransport } from '../timed-transport.ts';

export function mountFilesystems(state: EarlyState): string {
  return state.machine.mountFilesystems().join(' ');
}

export function loadModules(state: EarlyState): string {
  const { modules } = state.settings;
  for (const path of modules) state.machine.loadModule(path);
  return modules.map((path) => basename(path).replace(/\.ko.*/, '')).join(' ') || 'none';
}

export async function openTpm(state: EarlyState): Promise<string> {
  state.tpmTime = new TimedTransport(await state.machine.openTpm());
  const tpm = new Tpm(state.tpmTime);
  state.tpm = tpm;
  const banks = await pcrBanks(tpm);
  state.firmwareLog = await state.machine.firmwareLog();
  const log = state.firmwareLog
    ? `firmware log of ${state.firmwareLog.length} bytes`
    : 'no firmware log';
  return `PCR banks ${banks.map(({ bank }) => bank).join(', ')}; ${log}`;
}

export async function openLog(state: EarlyState): Promise<string> {
  const { machine, settings } = state;
  const directory = machine.logDirectory;
  const tpm = present(state.tpm, 'TPM');
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const { pcr, bootPcr } = settings;
  const log = await MeasurementLog.open({ tpm, pcr, directory });
  state.measurements = log;
  const name = BOOT_LOG_FILE_NAME;
  state.bootMeasurements = await MeasurementLog.open({ tpm, pcr: bootPcr, directory, name });
  return `PCR ${pcr} and ${bootPcr} in ${log.target.banks.join(', ')}`;
}

/** A further register for the images of domains that name it. */
export async function openRegister(
  { measurements }: BootState,
  { pcr }: Extract<Operation, { do: 'open-register' }>,
): Promise<string> {
  await measurements.openRegister(pcr);
  return `PCR ${pcr} is unused, in ${measurements.target.banks.join(', ')}`;
}

export async function openHypervisor(state: EarlyState): Promise<string> {
  const hypervisor = await state.machine.openHypervisor();
  state.hypervisor = hypervisor;
  // Before domB creates anything, the only domain that exists is itself.
  const [self, ...others] = hypervisor.domains();
  if (!self || others.length > 0) {
    const found = [self, ...others].map((domain) => domain?.domid).join(', ');
    throw new BootFailure(
      `Xen runs domains ${found}; a boot domain expects to be the only one`,
      'start domB as the first domain of the platform, not from a running dom0',
    );
  }
  state.bootDomid = self.domid;
  const { version, extra } = hypervisor.host();
  return `Xen ${version}${extra}, boot domain is domain ${self.domid}, ${self.seclabel || 'no label'}`;
}

export async function loadPolicy(state: OpenState): Promise<string> {
  const { bytes } = await state.policy();
  state.hypervisor.loadPolicy(bytes);
  return `${bytes.length} bytes in force`;
}

export function requireFlask(state: EarlyState): string {
  const flask = present(state.hypervisor, 'hypervisor').flask();
  if (flask === 'absent') {
    throw new BootFailure(
      'Xen has no XSM/FLASK, so domain labels would mean nothing',
      'boot a Xen with CONFIG_XSM_FLASK and give it the policy as a module',
    );
  }
  if (flask === 'permissive') {
    throw new BootFailure(
      'FLASK is permissive: its policy is not enforced',
      "take flask=permissive off Xen's command line",
    );
  }
  return 'enforcing';
}
