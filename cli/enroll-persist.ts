import { AK_HANDLE } from '../measurement/keys/attestation-key.ts';
import { forgetAttestationKey, keepAttestationKey } from '../measurement/keys/keep-key.ts';
import type { ExitStatus, Input, Terminal } from './command.ts';
import { failing } from './failing.ts';
import { hierarchyValues } from './hierarchy-values.ts';
import { openNamedTpm } from './tpm-device.ts';

const place = `0x${AK_HANDLE.toString(16)}`;

/** `domb enroll persist` */
export async function run(input: Input, terminal: Terminal): Promise<ExitStatus> {
  const said = await failing(async () => {
    const values = await hierarchyValues(input, terminal);
    const tpm = await openNamedTpm(input.values.get('device'));
    try {
      if (input.flags.has('remove')) {
        const removed = await forgetAttestationKey(tpm, values);
        return removed
          ? `${place}: the attestation key is kept no more`
          : `${place}: there was none`;
      }
      const { name, before } = await keepAttestationKey(tpm, values);
      return `${place}: attestation key ${name.toString('hex')}${before ? ', kept before' : ''}`;
    } finally {
      await tpm.close();
    }
  });
  terminal.write(`${said}\n`);
  return 0;
}
