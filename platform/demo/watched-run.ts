import { setTimeout as sleep } from 'node:timers/promises';
import type { Manifest } from '../../boot-configs/manifest.ts';
import { denialJudgement } from '../judge/denials.ts';
import type { Judgement } from '../judge/judgement.ts';
import { xenJudgements } from '../judge/xen-alone.ts';
import { parseDomainDumps } from '../judge/xen-dump.ts';
import type { VirtualMachine } from '../machine/machine.ts';
import { pressXenKey } from '../machine/xen-keys.ts';
import { bootDomainStages, followBoot } from './boot-stages.ts';
import {
  type BootingPlatform,
  bootPlatform,
  type PlatformRunOptions,
  reservedBootDomid,
} from './platform-run.ts';

/** Milliseconds that dom0 has to come up and to destroy domB; and between two looks. */
const PATIENCE = 180_000;
const PAUSE = 5_000;

export interface WatchedRun {
  judgements: Judgement[];
  /** What nobody looked at, and who can. */
  unchecked: string[];
}

/**
 * Boots a manifest whose dom0 is not the demo's and answers no questions. What Xen and domB say on the console is judged.
 * The machine is stopped in any case, after `converse`.
 */
export async function runWatched(
  options: PlatformRunOptions,
  converse?: (run: WatchedRun, machine: VirtualMachine) => Promise<void>,
): Promise<WatchedRun> {
  const platform = await bootPlatform(options);
  const { machine, manifest } = platform;
  try {
    await followBoot(machine.console, bootDomainStages, options.report);
    const bootDomid = options.bootDomid ?? reservedBootDomid;
    const dumps = await options.report('dom0 comes up and destroys domB', () =>
      untilGone(machine, bootDomid),
    );
    const consoleText = machine.console.lines.map(({ text }) => text).join('\n');
    const judgements = [
      ...xenJudgements({ manifest, bootDomid, consoleText, dumps }),
      denialJudgement(consoleText),
    ];
    const run = { judgements, unchecked: unchecked(manifest, platform) };
    await converse?.(run, machine);
    return run;
  } catch (error) {
    await options.failed?.(error, machine);
    throw error;
  } finally {
    await machine.stop();
  }
}

/** What Xen says of its domains once it has no `domid`, or when dom0 has had its time. */
async function untilGone(machine: VirtualMachine, domid: number) {
  const deadline = performance.now() + PATIENCE;
  for (;;) {
    const dumps = parseDomainDumps((await pressXenKey(machine, 'q')).join('\n'));
    if (!dumps.has(domid) || performance.now() > deadline) return dumps;
    await sleep(PAUSE);
  }
}

function unchecked({ platform }: Manifest, { predicted }: BootingPlatform): string[] {
  const { pcr } = platform.measurement;
  const value = predicted.get('sha256')?.get(pcr)?.toString('hex');
  return [
    'labels of the domains, and that they work: "xl list -Z" in dom0 shows the labels',
    `PCR ${pcr}, which should be sha256:${value}: "tpm2_pcrread sha256:${pcr}" in dom0 shows it`,
    'log, record and boot quote, which dom0 has: "domb verify --boot" judges a copy of the hand-over',
    'Xen\'s tools in dom0, such as "xl create"',
  ];
}
