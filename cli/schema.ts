import { schemaText } from '../boot-configs/schema/file.ts';
import type { ExitStatus, Input, Terminal } from './command.ts';

/** `domb schema` */
export async function run(_input: Input, terminal: Terminal): Promise<ExitStatus> {
  terminal.write(await schemaText());
  return 0;
}
