import { type MissedState, openSealed } from '../measurement/sealing/open-sealed.ts';
import { readApprovals, readSealed } from '../measurement/sealing/sealed-files.ts';
import type { ExitStatus, Input, Terminal } from './command.ts';
import { failing } from './failing.ts';
import { hierarchyValues } from './hierarchy-values.ts';
import { safe } from './text.ts';
import { openNamedTpm } from './tpm-device.ts';

/** `domb unseal DIR` */
export async function run(input: Input, terminal: Terminal): Promise<ExitStatus> {
  const [directory = ''] = input.arguments;
  return failing(async (): Promise<ExitStatus> => {
    const sealed = await readSealed(directory);
    const { approvals, problems } = await readApprovals(directory);
    for (const problem of problems) terminal.writeError(`ignored: ${safe(problem)}\n`);
    const owner = await hierarchyValues(input, terminal);
    const tpm = await openNamedTpm(input.values.get('device'));
    try {
      const opened = await openSealed(tpm, sealed, { approvals, ...owner });
      if ('data' in opened) {
        terminal.write(opened.data);
        return 0;
      }
      for (const line of missedLines(opened.missed)) terminal.writeError(`${safe(line)}\n`);
      return 3;
    } finally {
      await tpm.close();
    }
  });
}

function* missedLines(missed: readonly MissedState[]): Generator<string> {
  yield 'not opened: the platform is in no state that opens it';
  for (const { source, others } of missed) {
    for (const { bank, pcr, expected, holds } of others) {
      yield `  ${source}: PCR ${pcr} of ${bank} holds ${holds.toString('hex')}, not ${expected.toString('hex')}`;
    }
  }
  if (missed.length === 0) yield '  no approval of such a state lies beside it, FILE.approval';
}
