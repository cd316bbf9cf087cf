import type { Console } from '../machine/console.ts';
import type { ReportWork } from './parts.ts';

export interface BootStage {
  name: string;
  /** The line of the console that shows it. */
  sign: RegExp;
}

/** What Xen and domB show of a boot that succeeds, in order. */
export const bootDomainStages: readonly BootStage[] = [
  { name: 'Xen starts', sign: /Xen version 4\./ },
  { name: 'FLASK is enforcing', sign: /Flask: +Starting in enforcing mode/i },
  { name: "domB's init runs", sign: /domb: .* phase "bring up" done/ },
  { name: 'domB opened TPM and hypervisor', sign: /domb: .* phase "open" done/ },
  { name: 'domB measured everything', sign: /domb: .* phase "measure" done/ },
  { name: 'domB created all domains, paused', sign: /domb: .* phase "create" done/ },
  { name: 'domB built them', sign: /domb: .* phase "build" done/ },
  { name: 'domB capped the PCR', sign: /domb: .* phase "seal" done/ },
  { name: 'domB handed over and let go of the TPM', sign: /domb: .* phase "hand over" done/ },
  { name: 'domB started them and halts', sign: /domb: .* domB halts now/ },
];

/** The same to the end, with the demo's dom0. */
export const bootStages: readonly BootStage[] = [
  ...bootDomainStages,
  { name: 'dom0 reached userspace', sign: /dom0: userspace is up/ },
  { name: 'dom0 runs xenstored and xenconsoled', sign: /dom0: xenstored and xenconsoled run/ },
  { name: 'dom0 destroyed domB', sign: /domb-receive: domB \(domain \d+\) destroyed/ },
  { name: 'dom0 takes questions', sign: /dom0: takes questions/ },
];

/** Lines after which a boot cannot succeed any more. */
export const failureSign =
  /domb: .*FAILED|Kernel panic|halting machine|rebooting machine|Panic on CPU|FATAL:|dom0: .*(failed|does not)/;

/** Emulation is slow, and a loaded machine slower; a stage that takes longer hangs. */
const stageTimeout = 600_000;

/** Follows a boot stage by stage; fails at the first stage that does not come. */
export async function followBoot(
  console: Console,
  stages: readonly BootStage[],
  report: ReportWork,
): Promise<void> {
  for (const { name, sign } of stages) {
    await report(name, () => console.waitFor(sign, stageTimeout, failureSign));
  }
}
