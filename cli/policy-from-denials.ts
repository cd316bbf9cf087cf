import { denialsIn } from '../boot-configs/policy/explain/denials.ts';
import { proposalFor } from '../boot-configs/policy/explain/proposals.ts';
import { readBounded } from '../measurement/read-bounded.ts';
import { type ExitStatus, Failure, type Input, type Terminal } from './command.ts';
import { failing } from './failing.ts';
import { chosenPolicyFile, policyIn, sourceRulesOf } from './flask-policy.ts';
import { safeLines } from './policy/lines.ts';
import { proposalsText } from './policy/proposals-text.ts';

/** Bytes; the console of a boot has some 100,000. */
const MOST = 1 << 26;

/** `domb policy from-denials CONSOLE` */
export async function run(input: Input, terminal: Terminal): Promise<ExitStatus> {
  const [file = '-'] = input.arguments;
  const console = await failing(() => consoleText(file, terminal));
  const policyFile = await chosenPolicyFile(input);
  const policy = await policyIn(policyFile);
  const sources = await sourceRulesOf(policyFile);
  const denials = denialsIn(console);
  const proposals = denials.found.map((denial) => proposalFor(policy, denial, sources ?? []));
  if (input.flags.has('json')) {
    const { notXens, unclear, more } = denials;
    const modules = sources !== undefined;
    terminal.write(`${JSON.stringify({ proposals, notXens, unclear, more, modules }, null, 2)}\n`);
  } else terminal.write(safeLines(proposalsText(denials, proposals, sources !== undefined)));
  return 0;
}

async function consoleText(file: string, terminal: Terminal): Promise<string> {
  const bytes = file === '-' ? await terminal.read(MOST) : await readBounded(file, MOST);
  if (bytes.length > MOST) {
    throw new Failure('the console has more than 64 MiB', 'give a part of it');
  }
  return Buffer.from(bytes).toString('latin1');
}
