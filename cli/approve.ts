import { readFile, writeFile } from 'node:fs/promises';
import { objectName } from 'node-tpm2-pts';
import { approvalFile, approve } from '../measurement/sealing/approval.ts';
import { approvalKey } from '../measurement/sealing/approver-key.ts';
import { registersText } from '../measurement/sealing/sealed-policy.ts';
import { approveVtpmState, vtpmApprovalFile } from '../measurement/vtpm-state/approvals.ts';
import { requiredValue } from './arguments.ts';
import { type ExitStatus, type Input, type Terminal, UsageError } from './command.ts';
import { checkStatesUsage, stateBranches } from './expected-states.ts';
import { failing } from './failing.ts';
import { chosenLabel } from './label.ts';
import { writing } from './output.ts';

/** `domb approve` */
export async function run(input: Input, terminal: Terminal): Promise<ExitStatus> {
  checkStatesUsage(input);
  const keyFile = requiredValue(input, 'sign-with');
  const output = input.values.get('output') ?? 'state.approval';
  const label = chosenLabel(input);
  return failing(async (): Promise<ExitStatus> => {
    const key = approvalKey(await readFile(keyFile), keyFile);
    const [state, ...more] = await stateBranches(input, terminal);
    if (state === undefined || more.length > 0) {
      throw new UsageError('an approval is of one state', 'name one with --for or --reference');
    }
    const approved = { ...state, label };
    const [approver, file] = input.flags.has('vtpm-state')
      ? written(approveVtpmState(key, approved), vtpmApprovalFile)
      : written(approve(key, approved), approvalFile);
    await writing(output, () => writeFile(output, file));
    const name = objectName(approver).toString('hex');
    terminal.write(`${output}: ${state.source}, ${registersText(state.values)}, by key ${name}\n`);
    return 0;
  });
}

const written = <A extends { approver: Buffer }>(approval: A, file: (approval: A) => string) =>
  [approval.approver, file(approval)] as const;
