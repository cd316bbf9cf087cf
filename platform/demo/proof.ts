import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { type Judgement, judgement } from '../judge/judgement.ts';
import type { Answer, Ask } from '../machine/answers.ts';
import { efiFile, enrolledKeys } from '../machine/ovmf.ts';
import { sendFiles, sentFiles } from '../machine/sent-files.ts';
import { ekRootsFile } from '../machine/swtpm.ts';
import type { ReportWork } from './parts.ts';
import { askTpm } from './tpm-question.ts';
import { Verifier } from './verifier.ts';

/** What the verifier leaves in the demo's directory, by which anybody can judge again. */
const files = {
  /** Evidence of the boot, which the demo has put there before. */
  boot: 'evidence',
  challenge: 'challenge',
  secret: 'challenge.secret',
  answer: 'answer',
  enrolled: 'platform.enrolled',
  nonce: 'nonce',
  evidence: 'fresh-evidence',
} as const;

export interface Proof {
  /** `domb verify` ended with 0. */
  proven: boolean;
  /** What the verifier ran, in order. */
  commands: readonly string[];
  /** What `domb verify` said. */
  said: string;
}

/** What a verifier knows of the platform beforehand: files and directories. */
export interface KnownPlatform {
  /** The demo's directory, with the EFI file and the certificates of the TPM's manufacturer. */
  directory: string;
  manifest: string;
  images: string;
  policy: string;
}

/**
 * Does what a verifier does who sees the platform for the first time: enrols its TPM, sends a nonce, and judges what dom0 quotes
 * with it by what is known beforehand. Of the machine only dom0's answers are taken.
 */
export async function prove(
  ask: Ask,
  { directory, manifest, images, policy }: KnownPlatform,
  report: ReportWork,
): Promise<Proof> {
  const at = (name: string) => join(directory, name);
  const here = (path: string) => relative(process.cwd(), path) || '.';
  const verifier = new Verifier();
  await report('the verifier enrols the TPM', async () => {
    const secret = ['--secret', here(at(files.secret))];
    const roots = ['--ek-roots', here(at(ekRootsFile))];
    const output = (name: string) => ['--output', here(at(name))];
    await verifier.domb([
      ...['enroll', 'challenge', here(at(files.boot)), ...roots],
      ...[...output(files.challenge), ...secret],
    ]);
    await writeFile(at(files.answer), await answered(ask, await readFile(at(files.challenge))));
    await verifier.domb([
      ...['enroll', 'check', here(at(files.answer))],
      ...[...output(files.enrolled), ...secret],
    ]);
  });
  const nonce = randomBytes(32).toString('hex');
  await writeFile(at(files.nonce), `${nonce}\n`);
  await report("dom0 quotes with the verifier's nonce", async () => {
    const evidence = await quoted(ask, nonce);
    await mkdir(at(files.evidence));
    for (const [name, bytes] of evidence) await writeFile(join(at(files.evidence), name), bytes);
  });
  const { status, said } = await report('the verifier judges', () =>
    verifier.domb(
      [
        ...['verify', here(at(files.evidence)), '--nonce', nonce],
        ...['--enrolled', here(at(files.enrolled))],
        ...['--manifest', here(manifest), '--images', here(images), '--policy', here(policy)],
        ...['--efi', here(at(efiFile)), '--secure-boot', enrolledKeys],
      ],
      [0, 3, 4],
    ),
  );
  return { proven: status === 0, commands: verifier.commands, said };
}

/** What dom0's TPM answers to a challenge. */
async function answered(ask: Ask, challenge: Buffer): Promise<Buffer> {
  const answer = `domb enroll answer /run/challenge --output /run/answer`;
  const sent = `base64 -d >/run/challenge <<END\n${challenge.toString('base64')}\nEND`;
  await succeeded(ask('enroll-answer', `${sent}\n${askTpm(answer)}`));
  const { output } = await succeeded(ask('enroll-answer-file', 'base64 /run/answer'));
  return Buffer.from(output, 'base64');
}

/** The evidence that dom0 makes with a nonce, by the names of its files. */
async function quoted(ask: Ask, nonce: string): Promise<Map<string, Buffer>> {
  const place = '/run/fresh-evidence';
  const quote = `rm -rf ${place}\ndomb quote --nonce ${nonce} --output ${place}`;
  await succeeded(ask('fresh-quote', askTpm(quote)));
  return sentFiles(await ask('fresh-evidence', sendFiles(place)));
}

async function succeeded(asked: Promise<Answer>): Promise<Answer> {
  const answer = await asked;
  if (answer.status === 0) return answer;
  throw new Error(`dom0 ended with ${answer.status}:\n${answer.output.trimEnd()}`);
}

/** The proof as one of the things that must hold. */
export function proofJudgement({ proven, said }: Proof): Judgement {
  const conclusion = said.trimEnd().split('\n').at(-1) ?? '';
  return judgement('fresh evidence proves the whole chain', proven, conclusion);
}
