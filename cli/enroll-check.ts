import { rm, writeFile } from 'node:fs/promises';
import { checkAnswer, readChallengeFile } from '../measurement/enrolment/challenge.ts';
import { MAX_ENROLLED_SIZE } from '../measurement/enrolment/enrolled-file.ts';
import { enrolledKeyFile } from '../measurement/enrolment/record.ts';
import { readBounded } from '../measurement/read-bounded.ts';
import type { ExitStatus, Input, Terminal } from './command.ts';
import { enrolledJson, enrolledText } from './enrolled-text.ts';
import { failing, refusing } from './failing.ts';
import { writing } from './output.ts';

/** Bytes; answers have 32. */
const MAX_ANSWER_SIZE = 4096;

/** `domb enroll check ANSWER` */
export async function run(
  { arguments: [file = ''], values, flags }: Input,
  terminal: Terminal,
): Promise<ExitStatus> {
  const output = values.get('output') ?? 'platform.enrolled';
  const secret = values.get('secret') ?? 'challenge.secret';
  const [open, answer] = await failing(
    async () =>
      [
        readChallengeFile(await readBounded(secret, MAX_ENROLLED_SIZE)),
        await readBounded(file, MAX_ANSWER_SIZE),
      ] as const,
  );
  const enrolled = await refusing(() => checkAnswer(open, answer));
  await writing(output, () => writeFile(output, enrolledKeyFile(enrolled)));
  // A challenge is for one use.
  await writing(secret, () => rm(secret));
  const { challenged, enrolled: time } = enrolled;
  terminal.write(
    flags.has('json')
      ? `${JSON.stringify({ ...enrolledJson(enrolled), challenged, enrolled: time, record: output }, null, 2)}\n`
      : `${enrolledText(enrolled)}${output}: the enrolled key, for "domb verify --enrolled"\n`,
  );
  return 0;
}
