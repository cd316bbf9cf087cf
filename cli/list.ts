import { recordFile } from '../introduction/record.ts';
import { hostPlaces } from '../platform/host/places.ts';
import { type ExitStatus, Failure, type Input, type Terminal } from './command.ts';
import { failing } from './failing.ts';
import { domainTable } from './host/domain-table.ts';
import { fixedUuids } from './host/fixed-uuids.ts';
import { matches, type RunningDomain, runningDomains } from './host/running-domains.ts';
import { safe } from './text.ts';

/** `domb list [DOMAIN]...` */
export async function run(input: Input, terminal: Terminal): Promise<ExitStatus> {
  return failing(async (): Promise<ExitStatus> => {
    const all = await runningDomains(input.values.get('record') ?? recordFile);
    const unknown = input.arguments.find((wanted) => !all.some((each) => matches(each, wanted)));
    if (unknown !== undefined) {
      throw new Failure(
        `there is no domain ${safe(unknown)}`,
        '"domb list" shows all; a UUID names one running instance, and is gone with it',
      );
    }
    const asked = input.arguments;
    const shown =
      asked.length === 0 ? all : all.filter((each) => asked.some((text) => matches(each, text)));
    if (input.flags.has('json')) terminal.write(`${JSON.stringify(shown, null, 2)}\n`);
    else if (input.flags.has('words')) terminal.write(wordsOf(shown));
    else {
      terminal.write(domainTable(shown));
      for (const name of fixedUuids(hostPlaces().manifest)) {
        if (!shown.some((each) => each.manifestName === name)) continue;
        terminal.writeError(
          `warning: the manifest fixes the uuid of ${name}: it names every instance of it, where a UUID should name one\n`,
        );
      }
    }
    return 0;
  });
}

/** What names each of them, for shells that complete it. */
function wordsOf(domains: readonly RunningDomain[]): string {
  const words = domains.flatMap(({ name, manifestName, domid, uuid }) => [
    ...new Set([name, manifestName].filter((each) => each !== undefined)),
    String(domid),
    uuid,
  ]);
  return words
    .filter((word) => /^[\w.+-]+$/.test(word))
    .map((word) => `${word}\n`)
    .join('');
}
