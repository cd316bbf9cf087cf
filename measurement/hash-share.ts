/** The program that {@link hashFiles} starts on a second processor: a share on standard input, digests on standard output. */
import { json } from 'node:stream/consumers';
import { type Hashed, hashShare, type Share } from './hash-file.ts';

try {
  const hashed: Hashed[] = await hashShare((await json(process.stdin)) as Share);
  process.stdout.write(JSON.stringify(hashed));
} catch (error) {
  process.stderr.write((error as Error).message);
  process.exitCode = 1;
}
