import type { Outcome } from '../evidence/verdict.ts';

/** What is looked at of a guest, after its platform, in this order. Programs rely on these names: they are never renamed. */
export const guestChecks = {
  'guest-evidence': 'the files are there and have the form that they should have',
  'guest-quote': 'the quote: signature, kind of key, nonce, and that it is about the values given',
  'guest-key':
    'the key that quoted is the certified attestation key of a guest, and the authority that certified it is the one that domB measured',
  'guest-identity':
    'the guest is the expected one, with the domid and the UUID that domB gave it in this boot',
  'guest-launch': 'PCR 8 and 9 have the values of what domB built the guest from',
} as const;

export type GuestCheckId = keyof typeof guestChecks;

/** Through what a lie about a guest could still come. Programs rely on these names: they are never renamed. */
export const guestGaps = {
  'guest-platform': 'nothing shows that a measured platform vouches for the guest',
} as const;

export type GuestGapId = keyof typeof guestGaps;

export interface GuestFinding {
  readonly check: GuestCheckId;
  readonly ok: boolean;
  /** One line for people. */
  readonly says: string;
}

/** None is ever waived: without its platform, a guest's word is its own. */
export interface GuestGap {
  readonly gap: GuestGapId;
  readonly says: string;
  readonly hint: string;
}

/** What was found of a guest; the verdict is that about its platform and this one, together. */
export interface GuestVerdict {
  /** Of both. */
  readonly outcome: Outcome;
  /** The guest's name in the manifest. */
  readonly domain: string;
  readonly findings: readonly GuestFinding[];
  readonly gaps: readonly GuestGap[];
  readonly notes: readonly string[];
}
