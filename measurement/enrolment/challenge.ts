import { randomBytes, timingSafeEqual } from 'node:crypto';
import { attestationKeyProblem, decodePublic, makeCredential, objectName } from 'node-tpm2-pts';
import { MeasurementError } from '../errors.ts';
import { encodeCredential } from './credential-file.ts';
import { enrolledFile, type FileForm, isHex, isTime, readEnrolledFile } from './enrolled-file.ts';
import { type EnrolledKeys, keyMembers, readKeyMembers } from './enrolled-keys.ts';
import type { EnrolledKey } from './record.ts';

/** What stays with the verifier until the answer comes. */
export interface OpenChallenge extends EnrolledKeys {
  /** What only a TPM with both keys can answer. */
  readonly secret: Buffer;
  /** When it was made, as Date.toISOString writes it. */
  readonly made: string;
}

/** Bytes: as many as every endorsement key takes. */
const SECRET_SIZE = 32;

const FORM: FileForm<OpenChallenge> = {
  format: 'domb-challenge',
  version: 1,
  what: 'the secret of a challenge',
  hint: 'name the file that "domb enroll challenge" left with the verifier, unchanged',
  read: ({ secret, made, ...members }) => {
    if (!isHex(secret) || secret.length !== 2 * SECRET_SIZE) return 'it has no secret';
    if (!isTime(made)) return 'it does not say when it was made';
    const keys = readKeyMembers(members);
    return typeof keys === 'string' ? keys : { ...keys, secret: Buffer.from(secret, 'hex'), made };
  },
};

/**
 * Makes a challenge: a file for the platform, which only a TPM that has both keys can read, and what to keep.
 * @throws {MeasurementError} when the key is none that attests
 */
export function makeChallenge(
  keys: EnrolledKeys,
  now: Date = new Date(),
): { challenge: Buffer; open: OpenChallenge } {
  const problem = attestationKeyProblem(decodePublic(keys.ak));
  if (problem !== undefined) {
    throw new MeasurementError(
      `ak.pub: ${problem.what}`,
      'a signature of such a key would show nothing: take evidence that "domb quote" made',
    );
  }
  const secret = randomBytes(SECRET_SIZE);
  const credential = makeCredential(keys.ek, objectName(keys.ak), secret);
  return {
    challenge: encodeCredential(credential),
    open: { ...keys, secret, made: now.toISOString() },
  };
}

/** What is kept, as a file; it holds the secret. */
export function challengeFile({ secret, made, ...keys }: OpenChallenge): string {
  return enrolledFile(FORM, { ...keyMembers(keys), secret: secret.toString('hex'), made });
}

/** @throws {MeasurementError} for anything that {@link challengeFile} did not write */
export function readChallengeFile(bytes: Uint8Array): OpenChallenge {
  return readEnrolledFile(FORM, bytes);
}

/**
 * What the answer shows: that both keys are in one TPM.
 * @throws {MeasurementError} when it is not the challenge's secret
 */
export function checkAnswer(
  { secret, made, ...keys }: OpenChallenge,
  answer: Uint8Array,
  now: Date = new Date(),
): EnrolledKey {
  if (answer.length === secret.length && timingSafeEqual(answer, secret)) {
    return { ...keys, challenged: made, enrolled: now.toISOString() };
  }
  throw new MeasurementError(
    'the answer is not that of this challenge: nothing shows that the keys are in one TPM',
    'was it made for another challenge? Each is for one key of one TPM, and has its own secret',
  );
}
