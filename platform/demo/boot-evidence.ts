import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Manifest } from '../../boot-configs/manifest.ts';
import type { MeasuredItem } from '../../measurement/events.ts';
import { bootNonce, readEvidence } from '../../measurement/evidence/evidence.ts';
import { type Verdict, verifyEvidence } from '../../measurement/evidence/verify.ts';
import type { Answers } from '../machine/answers.ts';

/** dom0 sends each file of the hand-over under this prefix, in base64. */
const prefix = 'file-';

/** Writes the evidence that dom0 sent to `directory`, and judges it as a verifier would who has nothing else. */
export async function bootVerdict(
  directory: string,
  answers: Answers,
  manifest: Manifest,
  items: readonly MeasuredItem[],
): Promise<Verdict> {
  await mkdir(directory, { recursive: true });
  for (const [name, { output, status }] of answers) {
    if (!name.startsWith(prefix) || status !== 0) continue;
    await writeFile(join(directory, name.slice(prefix.length)), Buffer.from(output, 'base64'));
  }
  const evidence = await readEvidence(directory);
  const { pcr, bootPcr } = manifest.platform.measurement;
  return verifyEvidence(evidence, { nonce: bootNonce(evidence), pcr, bootPcr, items });
}
