import type { CheckId, GapId } from '../evidence/verdict.ts';
import { type TrustClaim, trustClaims, VALUE } from './trust-claims.ts';

/** Claims and the values that something gives them. */
export type Marks = readonly (readonly [TrustClaim, number])[];

/** Nothing in the evidence can be believed. */
const everything: Marks = trustClaims.map((claim) => [claim, VALUE.VALIDATION_FAILED]);

/** What a check that found something wrong makes of the claims. All of it is in the contraindicated tier. */
export const whenWrong: Readonly<Record<CheckId, Marks>> = {
  evidence: everything,
  quote: everything,
  key: [['instance-identity', VALUE.STRANGER]],
  'ek-certificate': [['hardware', VALUE.STRANGER]],
  log: [
    ['configuration', VALUE.VALIDATION_FAILED],
    ['executables', VALUE.VALIDATION_FAILED],
  ],
  'boot-log': [['configuration', VALUE.VALIDATION_FAILED]],
  registers: [['configuration', VALUE.VALIDATION_FAILED]],
  'boot-quote': [['executables', VALUE.VALIDATION_FAILED]],
  'firmware-log': [['hardware', VALUE.VALIDATION_FAILED]],
  'launch-chain': [['executables', VALUE.CONTRAINDICATED]],
  'secure-boot': [['configuration', VALUE.CONTRAINDICATED]],
  firmware: [['hardware', VALUE.STRANGER]],
  items: [
    ['configuration', VALUE.CONTRAINDICATED],
    ['executables', VALUE.CONTRAINDICATED],
  ],
  hypervisor: [['configuration', VALUE.CONTRAINDICATED]],
  scripts: [['executables', VALUE.CONTRAINDICATED]],
  'read-back': [['configuration', VALUE.CONTRAINDICATED]],
  boot: [['configuration', VALUE.CONTRAINDICATED]],
};

/**
 * What a gap makes of the claims, open or waived: who relies on the result did not see the command line on which it was
 * waived. All of it is in the warning tier, so that nobody who works a status out of the vector comes to "affirming".
 */
export const whenOpen: Readonly<Record<GapId, Marks>> = {
  // What is configured may be what was, at an earlier time.
  nonce: [['configuration', VALUE.UNAVAILABLE]],
  // No standard's value says that a known form of key is in an unknown place.
  key: [['instance-identity', VALUE.OWN_WARNING]],
  items: [
    ['configuration', VALUE.UNAVAILABLE],
    ['executables', VALUE.UNRECOGNIZED],
  ],
  'boot-log': [['configuration', VALUE.UNAVAILABLE]],
  'boot-quote': [['executables', VALUE.UNRECOGNIZED]],
  'launch-chain': [['executables', VALUE.UNRECOGNIZED]],
  'secure-boot': [['configuration', VALUE.UNAVAILABLE]],
  domains: [['configuration', VALUE.UNAVAILABLE]],
  // What runs may not be what was measured.
  dma: [['executables', VALUE.UNRECOGNIZED]],
};

/** What affirms a claim: all of these checks were made and found nothing wrong. */
export const whenRight: readonly {
  claim: TrustClaim;
  value: number;
  needs: readonly CheckId[];
}[] = [
  { claim: 'instance-identity', value: VALUE.RECOGNIZED, needs: ['quote', 'key'] },
  { claim: 'configuration', value: VALUE.APPROVED, needs: ['log', 'boot-log', 'items'] },
  {
    claim: 'executables',
    // Not 2, which speaks of the time after the boot as well.
    value: VALUE.APPROVED_AT_BOOT,
    needs: ['log', 'items', 'launch-chain'],
  },
  { claim: 'hardware', value: VALUE.GENUINE, needs: ['firmware-log', 'firmware'] },
];
