import { readBootRecord, recordFile } from '../introduction/record.ts';
import { Xenstore } from '../vtpm/backend/xenstore.ts';
import { DirectoryStore } from '../vtpm/state/directory-store.ts';
import { Serving } from '../vtpm/state/serving.ts';
import { type ExitStatus, Failure, type Input, type Terminal } from './command.ts';
import { failing } from './failing.ts';
import { openNamedTransport } from './tpm-device.ts';
import { STATE_DIRECTORY } from './vtpm-state-commands.ts';

/** `domb vtpm-state serve` */
export async function run(input: Input, terminal: Terminal): Promise<ExitStatus> {
  return failing(async (): Promise<ExitStatus> => {
    const { values } = input;
    const { domains } = await readBootRecord(values.get('record') ?? recordFile);
    const lasting = domains.filter(({ vtpm, vtpmPersistent }) => vtpm && vtpmPersistent);
    const [domid, ...others] = new Set(lasting.map(({ vtpm }) => vtpm?.domid));
    if (domid === undefined) {
      terminal.write('nothing to do: no guest of this boot has a TPM that outlasts it\n');
      return 0;
    }
    if (others.length > 0) {
      throw new Failure('the record names two domains that serve such TPMs', 'is it of this boot?');
    }
    const objects = new DirectoryStore(values.get('directory') ?? STATE_DIRECTORY);
    await objects.open();
    const tpm = await openNamedTransport(values.get('device'));
    const names = lasting.map(({ name }) => name).join(', ');
    terminal.write(`stores the states of ${names} in ${objects.directory}\n`);
    const say = (text: string) => terminal.writeError(`domb vtpm-state: ${text}\n`);
    const serving = new Serving({ store: new Xenstore(), domid, objects, tpm, say });
    return serving.serve();
  });
}
