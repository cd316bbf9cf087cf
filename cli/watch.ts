import { watchEnds } from '../introduction/ends.ts';
import { withMeasuredStart } from '../introduction/measured-start.ts';
import { readBootRecord, recordFile } from '../introduction/record.ts';
import { readRestarts, writeRestarts } from '../introduction/restarts.ts';
import { XenEnds } from '../introduction/xen-ends.ts';
import { hostPlaces } from '../platform/host/places.ts';
import type { ExitStatus, Input, Terminal } from './command.ts';
import { failing } from './failing.ts';
import { handedOverPaths } from './handed-over.ts';

/** Private copies of images while a domain is built from them; in memory. */
const COPIES = '/run/domb-building';

/** `domb watch` */
export async function run({ values }: Input, terminal: Terminal): Promise<ExitStatus> {
  return failing(async (): Promise<ExitStatus> => {
    const { domains } = await readBootRecord(values.get('record') ?? recordFile);
    const restarts = await readRestarts();
    const places = {
      log: values.get('log') ?? handedOverPaths.log,
      images: values.get('images') ?? hostPlaces().images,
      copies: COPIES,
    };
    const ends = new XenEnds();
    try {
      const rebuilding = {
        withMeasuredStart: <T>(
          domain: (typeof domains)[number],
          build: Parameters<typeof withMeasuredStart<T>>[2],
        ) => withMeasuredStart(domain, places, build),
        restarts,
        keep: () => writeRestarts(restarts),
      };
      await watchEnds(domains, { ends, rebuilding }, (text) => terminal.write(`${text}\n`));
    } finally {
      ends.close();
    }
    terminal.write('no domain is left to wait for\n');
    return 0;
  });
}
