import { watchEnds } from '../introduction/ends.ts';
import { readBootRecord, recordFile } from '../introduction/record.ts';
import { XenEnds } from '../introduction/xen-ends.ts';
import type { ExitStatus, Input, Terminal } from './command.ts';
import { failing } from './failing.ts';

/** `domb watch` */
export async function run(input: Input, terminal: Terminal): Promise<ExitStatus> {
  return failing(async (): Promise<ExitStatus> => {
    const { domains } = await readBootRecord(input.values.get('record') ?? recordFile);
    const ends = new XenEnds();
    try {
      await watchEnds(domains, ends, (text) => terminal.write(`${text}\n`));
    } finally {
      ends.close();
    }
    terminal.write('no domain is left to wait for\n');
    return 0;
  });
}
