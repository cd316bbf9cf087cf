import { type Attachment, attachDevices } from '../introduction/devices.ts';
import { insist, type Patience } from '../introduction/insist.ts';
import { type Introduction, introduceAll } from '../introduction/introduce.ts';
import { alone } from '../introduction/lock.ts';
import { type BootRecord, readBootRecord, recordFile } from '../introduction/record.ts';
import { XenControlDomain } from '../introduction/xen-control-domain.ts';
import type { ExitStatus, Input, Terminal } from './command.ts';
import { failing } from './failing.ts';

/** What became of a domain, and the devices that it got. */
type Outcome = Introduction & Partial<Attachment['got']>;

/** `domb introduce` */
export async function run(input: Input, terminal: Terminal): Promise<ExitStatus> {
  return failing(async (): Promise<ExitStatus> => {
    const record = await readBootRecord(input.values.get('record') ?? recordFile);
    const json = input.flags.has('json');
    const patience = input.flags.has('no-wait') ? { limit: 0, interval: 0 } : undefined;
    const tell = json ? () => {} : teller(terminal);
    const outcomes = await alone(() => introduce(record, tell, patience));
    if (json) terminal.write(`${JSON.stringify(outcomes, null, 2)}\n`);
    return outcomes.some(({ problem }) => problem !== undefined) ? 1 : 0;
  });
}

/** Says what became of a domain: all of it, or what is new of one that was told before. */
type Tell = (outcome: Outcome, before?: Outcome) => void;

/** Nobody waits for a domain that does not answer: all others are done, and told, before. */
async function introduce(record: BootRecord, tell: Tell, patience?: Patience): Promise<Outcome[]> {
  const control = new XenControlDomain();
  try {
    const introductions = introduceAll(record, control, Date.now() / 1000, (one) => tell(one));
    const outcomes: Outcome[] = [];
    for (const introduction of introductions) {
      const outcome = await withDevices(record, introduction, control);
      tell(outcome, introduction);
      outcomes.push(outcome);
    }
    const { silent, problems } = await insist(record, introductions, control, patience);
    return outcomes.map((before) => {
      const problem = before.problem ?? problems.get(before.domid);
      const outcome: Outcome = {
        ...before,
        ...(problem === undefined ? {} : { problem }),
        ...(problem === undefined && silent.has(before.domid) ? { silent: true } : {}),
      };
      tell(outcome, before);
      return outcome;
    });
  } finally {
    control.close();
  }
}

/** Gives a domain that xenstored serves the devices that it does not have yet. */
async function withDevices(
  { domains }: BootRecord,
  introduction: Introduction,
  control: XenControlDomain,
): Promise<Outcome> {
  const domain = domains.find(({ domid }) => domid === introduction.domid);
  const served = /introduced$/.test(introduction.outcome);
  if (domain === undefined || !served) return introduction;
  const { got, problem } = await attachDevices(domain, control);
  const some = Object.entries(got).filter(([, names]) => names.length > 0);
  return {
    ...introduction,
    ...(Object.fromEntries(some) as Partial<Attachment['got']>),
    ...(problem === undefined ? {} : { problem }),
  };
}

const teller =
  (terminal: Terminal): Tell =>
  (told, before) => {
    const { name, domid, outcome, silent, problem } = told;
    const domain = `${name} (domain ${domid})`;
    if (before === undefined) terminal.write(`${domain} ${outcome}\n`);
    for (const kind of ['disk', 'vif', 'pci'] as const) {
      if (before?.[kind] !== undefined) continue;
      for (const device of told[kind] ?? []) terminal.write(`${domain} got ${device}\n`);
    }
    if (silent && !before?.silent) terminal.write(`${domain} does not use xenstore yet\n`);
    if (problem === undefined || before?.problem === problem) return;
    terminal.writeError(`${domain}: ${problem.message}\n  hint: ${problem.hint}\n`);
  };
