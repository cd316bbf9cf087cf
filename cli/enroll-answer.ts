import { writeFile } from 'node:fs/promises';
import { answerChallenge } from '../measurement/enrolment/answer.ts';
import { MAX_CHALLENGE_SIZE } from '../measurement/enrolment/credential-file.ts';
import { readBounded } from '../measurement/read-bounded.ts';
import type { ExitStatus, Input, Terminal } from './command.ts';
import { failing } from './failing.ts';
import { hierarchyValues } from './hierarchy-values.ts';
import { writing } from './output.ts';
import { openNamedTpm } from './tpm-device.ts';

/** `domb enroll answer CHALLENGE` */
export async function run(input: Input, terminal: Terminal): Promise<ExitStatus> {
  const [file = ''] = input.arguments;
  const output = input.values.get('output') ?? 'answer';
  const answer = await failing(async () => {
    const challenge = await readBounded(file, MAX_CHALLENGE_SIZE);
    const values = await hierarchyValues(input, terminal);
    const tpm = await openNamedTpm(input.values.get('device'));
    try {
      return await answerChallenge(tpm, challenge, values);
    } finally {
      await tpm.close();
    }
  });
  // Whoever has it could answer in the TPM's place.
  await writing(output, () => writeFile(output, answer, { mode: 0o600 }));
  terminal.write(`${output}: for the verifier who sent the challenge, and nobody else\n`);
  return 0;
}
