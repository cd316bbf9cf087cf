import { writeFile } from 'node:fs/promises';
import { buildPolicyWith } from '../platform/policy/build-own.ts';
import { requiredValue } from './arguments.ts';
import type { ExitStatus, Input, Terminal } from './command.ts';
import { failing } from './failing.ts';
import { writing } from './output.ts';

/** `domb policy build DIR` */
export async function run(input: Input, terminal: Terminal): Promise<ExitStatus> {
  const [directory = ''] = input.arguments;
  const output = requiredValue(input, 'output');
  const policy = await failing(() => buildPolicyWith(directory));
  await writing(output, () => writeFile(output, policy));
  terminal.write(`${output}: ${policy.length} bytes\n`);
  return 0;
}
