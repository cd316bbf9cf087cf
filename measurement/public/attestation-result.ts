/**
 * `node-tpm2-pts/attestation-result`: a verdict as a signed EAT attestation result (draft-ietf-rats-ear), for those who rely on it.
 */
export { type EarProfile, type EarProfileName, earProfiles } from '../ear/profiles.ts';
export { type EarContext, earClaims } from '../ear/result.ts';
export { type ResultKey, readResultKey, signClaims } from '../ear/sign.ts';
