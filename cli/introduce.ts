import { insist } from '../introduction/insist.ts';
import { type Introduction, introduceAll, problemOf } from '../introduction/introduce.ts';
import { alone } from '../introduction/lock.ts';
import { attachDevices } from '../introduction/pci.ts';
import { type BootRecord, readBootRecord, recordFile } from '../introduction/record.ts';
import { XenControlDomain } from '../introduction/xen-control-domain.ts';
import type { ExitStatus, Input, Terminal } from './command.ts';
import { failing } from './failing.ts';

/** What became of a domain, and the PCI devices that it got. */
type Outcome = Introduction & { pci?: string[] };

/** `domb introduce` */
export async function run(input: Input, terminal: Terminal): Promise<ExitStatus> {
  return failing(async (): Promise<ExitStatus> => {
    const record = await readBootRecord(input.values.get('record') ?? recordFile);
    const outcomes: Outcome[] = [];
    await alone(async () => {
      for (const introduction of await introduce(record)) {
        outcomes.push(await withDevices(record, introduction));
      }
    });
    if (input.flags.has('json')) terminal.write(`${JSON.stringify(outcomes, null, 2)}\n`);
    else for (const outcome of outcomes) tell(outcome, terminal);
    return outcomes.some(({ problem }) => problem !== undefined) ? 1 : 0;
  });
}

async function introduce(record: BootRecord): Promise<Introduction[]> {
  const control = new XenControlDomain();
  try {
    const introductions = introduceAll(record, control, Date.now() / 1000);
    const { silent, problems } = await insist(record, introductions, control);
    return introductions.map((introduction) => {
      const problem = problems.get(introduction.domid);
      if (problem !== undefined) return { ...introduction, problem };
      return silent.has(introduction.domid) ? { ...introduction, silent: true } : introduction;
    });
  } finally {
    control.close();
  }
}

/** Gives a domain that xenstored serves the devices that it does not have yet. */
async function withDevices({ domains }: BootRecord, introduction: Introduction): Promise<Outcome> {
  const domain = domains.find(({ domid }) => domid === introduction.domid);
  const served = /introduced$/.test(introduction.outcome);
  if (domain === undefined || !served) return introduction;
  try {
    const pci = await attachDevices(domain);
    return pci.length > 0 ? { ...introduction, pci } : introduction;
  } catch (error) {
    return { ...introduction, problem: problemOf(error) };
  }
}

function tell(told: Outcome, terminal: Terminal): void {
  const { name, domid, outcome, pci = [], silent, problem } = told;
  const remark = silent ? ', and does not use xenstore yet' : '';
  terminal.write(`${name} (domain ${domid}) ${outcome}${remark}\n`);
  for (const device of pci) terminal.write(`${name} (domain ${domid}) got ${device}\n`);
  if (problem === undefined) return;
  terminal.writeError(`${name} (domain ${domid}): ${problem.message}\n  hint: ${problem.hint}\n`);
}
