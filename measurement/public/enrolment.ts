/**
 * `node-tpm2-pts/enrolment`: having a TPM prove that an attestation key is in it, and keeping what that showed.
 *
 * The verifier makes a challenge with {@link makeChallenge}, the platform answers with {@link answerChallenge}, and
 * {@link checkAnswer} gives the record, whose `ak` is what an expectation of `node-tpm2-pts/evidence` takes.
 */
export { answerChallenge } from '../enrolment/answer.ts';
export {
  challengeFile,
  checkAnswer,
  makeChallenge,
  type OpenChallenge,
  readChallengeFile,
} from '../enrolment/challenge.ts';
export { certifiedKey, knownKey } from '../enrolment/endorsement-key.ts';
export type { EnrolledKeys, VouchedCertificate } from '../enrolment/enrolled-keys.ts';
export { type EnrolledKey, enrolledKeyFile, readEnrolledKey } from '../enrolment/record.ts';
