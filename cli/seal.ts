import { readFile } from 'node:fs/promises';
import { objectName, type Tpm } from 'node-tpm2-pts';
import { readBounded } from '../measurement/read-bounded.ts';
import { approverOf } from '../measurement/sealing/approver-key.ts';
import { MAX_SECRET, otherValues, sealSecret } from '../measurement/sealing/seal-secret.ts';
import { writeSealed } from '../measurement/sealing/sealed-files.ts';
import {
  type Branch,
  branchName,
  registersText,
  sealedPolicy,
} from '../measurement/sealing/sealed-policy.ts';
import { type ExitStatus, type Input, type Terminal, UsageError } from './command.ts';
import { checkStatesUsage, stateBranches } from './expected-states.ts';
import { failing } from './failing.ts';
import { hierarchyValues } from './hierarchy-values.ts';
import { chosenLabel } from './label.ts';
import { writing } from './output.ts';
import { safe } from './text.ts';
import { openNamedTpm } from './tpm-device.ts';

/** `domb seal` */
export async function run(input: Input, terminal: Terminal): Promise<ExitStatus> {
  checkStatesUsage(input);
  const { values } = input;
  const output = values.get('output') ?? 'sealed';
  if (values.has('label') && !values.has('signed-by')) {
    throw new UsageError('--label is of no use alone', 'add --signed-by KEY');
  }
  if (values.get('owner-auth') === '-' && !values.has('secret')) {
    throw new UsageError(
      'standard input can hold secret or authorization value, not both',
      'name a file for one of them',
    );
  }
  return failing(async (): Promise<ExitStatus> => {
    const branches: Branch[] = await stateBranches(input, terminal);
    const signedBy = values.get('signed-by');
    if (signedBy !== undefined) {
      const approver = approverOf(await readFile(signedBy), signedBy);
      branches.push({ approver, label: chosenLabel(input) });
    }
    sealedPolicy(branches); // Refuses what cannot be before anything is asked for.
    const data = await secret(values.get('secret'), terminal);
    const owner = await hierarchyValues(input, terminal);
    const tpm = await openNamedTpm(values.get('device'));
    try {
      const sealed = await sealSecret(tpm, data, branches, owner);
      await writing(output, () => writeSealed(output, sealed));
      const key = objectName(sealed.parent).toString('hex');
      terminal.write(`${output}: ${data.length} bytes, sealed under storage key ${key}\n`);
      await tellStates(tpm, branches, terminal);
    } finally {
      await tpm.close();
    }
    return 0;
  });
}

/** Which states open it, and whether the platform is in one of them. */
async function tellStates(tpm: Tpm, branches: readonly Branch[], terminal: Terminal) {
  let opensNow = false;
  for (const branch of branches) {
    const name = safe(branchName(branch));
    if (!('values' in branch)) {
      terminal.write(`  opens in ${name}\n`);
      continue;
    }
    const others = (await otherValues(tpm, branch.values)).map(({ pcr }) => pcr);
    opensNow ||= others.length === 0;
    const now =
      others.length === 0
        ? 'the present state'
        : `not now: other values in PCR ${others.join(', ')}`;
    terminal.write(`  opens in ${name}, ${registersText(branch.values)} (${now})\n`);
  }
  if (opensNow || !branches.some((branch) => 'values' in branch)) return;
  terminal.writeError(
    'warning: it is sealed to no state that the platform is in now, and opens only after such a boot\n',
  );
}

/** The secret's bytes as they are, a last line feed among them. */
function secret(file: string | undefined, terminal: Terminal): Promise<Uint8Array> {
  return file === undefined ? terminal.read(MAX_SECRET) : readBounded(file, MAX_SECRET);
}
