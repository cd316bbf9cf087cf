/**
 * `node-tpm2-pts/evidence`: judging what a platform shows of its boot, without a TPM, and saying beforehand what it should show.
 *
 * {@link readEvidence} reads a directory that came from anywhere, {@link verifyEvidence} judges it against an {@link Expectation}:
 * what is expected comes from a {@link Reference} that somebody signed, or from items that were measured here.
 */
export { contentDigests, describeContent } from '../content.ts';
export type { Target } from '../encode.ts';
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
export { MeasurementError } from '../errors.ts';
export type {
  ContentAlgorithm,
  ContentDescription,
  ContentDigests,
  EventKind,
  MeasuredEvent,
  MeasuredItem,
} from '../events.ts';
export type { BootEnd } from '../evidence/boot-end.ts';
export { type BootQuote, type BootQuoteOptions, takeBootQuote } from '../evidence/boot-key.ts';
export { compareItems, type ItemResult } from '../evidence/compare.ts';
export { type EkChain, ekChain, ekChainProblems, readAuthorities } from '../evidence/ek-chain.ts';
export {
  bootNonce,
  collectEvidence,
  type Evidence,
  type EvidenceOptions,
  evidenceFiles,
  readBootQuote,
  readEvidence,
  readKey,
  writeEvidence,
} from '../evidence/evidence.ts';
export type { Expectation } from '../evidence/expectation.ts';
export { itemOf, type MeasuredLog, readMeasurementLog } from '../evidence/read-log.ts';
export {
  MAX_REFERENCE_SIZE,
  type Reference,
  readReference,
  referenceFile,
} from '../evidence/reference.ts';
export {
  type CheckId,
  checks,
  type Finding,
  type Gap,
  type GapId,
  gaps,
  type Outcome,
  type Verdict,
} from '../evidence/verdict.ts';
export { verdictOnDamage, verifyEvidence } from '../evidence/verify.ts';
export { listing } from '../formats/listing.ts';
export { type GuestEvidence, readGuestEvidence } from '../guest-tpm/evidence.ts';
export {
  type GuestCheckId,
  type GuestFinding,
  type GuestGap,
  type GuestGapId,
  type GuestVerdict,
  guestChecks,
  guestGaps,
} from '../guest-tpm/guest-verdict.ts';
export {
  type GuestExpectation,
  verdictOnGuestDamage,
  verifyGuest,
} from '../guest-tpm/verify-guest.ts';
export type { HierarchyValues } from '../keys/hierarchies.ts';
export { type Prediction, predict } from '../predict.ts';
