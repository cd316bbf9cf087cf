/**
 * What a verifier says of one aspect of a platform: a signed byte, whose range is a tier of trust. draft-ietf-rats-ar4si,
 * "Enumeration Encoding" and "Specific Claims"; the names in JSON are those of its CDDL.
 */
export const trustClaims = [
  'instance-identity',
  'configuration',
  'executables',
  'hardware',
] as const;

export type TrustClaim = (typeof trustClaims)[number];

/** Where a claim is missing, nothing is said: the same as 0. */
export type TrustVector = Readonly<Partial<Record<TrustClaim, number>>>;

/** "Enumeration Encoding": the tiers, from the most trusted to the least; `none` is no statement at all. */
export type TrustTier = 'none' | 'affirming' | 'warning' | 'contraindicated';

/** The values that this verifier gives; each is in the list of the claim that it is given for ("Specific Claims"). */
export const VALUE = {
  /** instance-identity: the attesting environment is recognized. */
  RECOGNIZED: 2,
  /** configuration: it is a known and approved one. */
  APPROVED: 2,
  /** executables: only a recognized genuine set of approved ones was loaded during the boot. */
  APPROVED_AT_BOOT: 3,
  /** hardware: what is needed to show that hardware or firmware are genuine was passed. */
  GENUINE: 2,
  /** executables: there are some that are not recognized. */
  UNRECOGNIZED: 33,
  /** configuration: elements that matter for security are unavailable to the verifier. */
  UNAVAILABLE: 36,
  /** Any claim: the first value that no standard defines for a warning. The annotations say what it is about. */
  OWN_WARNING: -33,
  /** configuration, executables, hardware: recognized as something that must not be. */
  CONTRAINDICATED: 96,
  /** instance-identity, hardware: not recognized, though it should be. */
  STRANGER: 97,
  /** Any claim: cryptographic validation of the evidence has failed. */
  VALIDATION_FAILED: 99,
} as const;

/** The tier of a value. "Enumeration Encoding". */
export function tierOf(value: number): TrustTier {
  if (value >= 96 || value <= -97) return 'contraindicated';
  if (value >= 32 || value <= -33) return 'warning';
  return value >= 2 || value <= -2 ? 'affirming' : 'none';
}

/** As the numbers of the tiers rise (0, 2, 32, 96): a statement takes the place of none. */
const severity: readonly TrustTier[] = ['none', 'affirming', 'warning', 'contraindicated'];

/** The less trusted of two tiers. */
export function worseTier(a: TrustTier, b: TrustTier): TrustTier {
  return severity.indexOf(a) > severity.indexOf(b) ? a : b;
}

/**
 * The one of several values that goes into a vector: of the worst tier, there a standard's value before an own one
 * ("Assigning a Trustworthiness Claim value"). Undefined for none.
 */
export function worstValue(values: readonly number[]): number | undefined {
  const rank = (value: number) => 1000 * severity.indexOf(tierOf(value)) + value;
  return values.toSorted((a, b) => rank(b) - rank(a))[0];
}

/** The worst tier of a vector, which no status may be better than. draft-ietf-rats-ear, "EAR Appraisal Claims". */
export function tierOfVector(vector: TrustVector): TrustTier {
  return tierOf(worstValue(Object.values(vector)) ?? 0);
}
