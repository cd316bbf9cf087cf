import { formerVersions, newestVersion, schemaText } from '../boot-configs/schema/file.ts';
import { type ExitStatus, type Input, type Terminal, UsageError } from './command.ts';

/** `domb schema` */
export async function run(input: Input, terminal: Terminal): Promise<ExitStatus> {
  const wanted = input.values.get('version') ?? String(newestVersion);
  const known = [...formerVersions, newestVersion];
  const version = known.find((candidate) => String(candidate) === wanted);
  if (version === undefined) {
    throw new UsageError(
      `there is no version "${wanted}" of manifests`,
      `choose one of ${known.join(', ')}`,
    );
  }
  terminal.write(await schemaText(version));
  return 0;
}
