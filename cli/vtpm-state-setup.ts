import { readBounded } from '../measurement/read-bounded.ts';
import { MAX_STORED_SIZE } from '../measurement/sealing/stored.ts';
import { readVtpmApproval } from '../measurement/vtpm-state/approvals.ts';
import { setUpVtpmState } from '../measurement/vtpm-state/set-up.ts';
import type { ExitStatus, Input, Terminal } from './command.ts';
import { failing } from './failing.ts';
import { hierarchyValues } from './hierarchy-values.ts';
import { openNamedTpm } from './tpm-device.ts';

/** `domb vtpm-state setup` */
export async function run(input: Input, terminal: Terminal): Promise<ExitStatus> {
  return failing(async (): Promise<ExitStatus> => {
    const files = input.arguments;
    const approvals = await Promise.all(
      files.map(async (file) => readVtpmApproval(await readBounded(file, MAX_STORED_SIZE))),
    );
    const values = await hierarchyValues(input, terminal);
    const tpm = await openNamedTpm(input.values.get('device'));
    try {
      const anew = input.flags.has('anew');
      const state = await setUpVtpmState(tpm, { approvals, anew }, values);
      if (state.defined) {
        terminal.write('the TPM has its NV indexes: the next approved boot makes the key\n');
      }
      const boots = state.approvals === 1 ? '1 boot is' : `${state.approvals} boots are`;
      terminal.write(`${boots} approved\n`);
      return 0;
    } finally {
      await tpm.close();
    }
  });
}
