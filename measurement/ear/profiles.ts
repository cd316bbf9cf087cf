/**
 * How the claims of a result are called, and what must be said of which. draft-ietf-rats-ear has renamed them: up to -02 they had
 * the names that all of Veraison's libraries read (github.com/veraison/ear, rust-ear, c-ear; 2025), from -03 others.
 */
export interface EarProfile {
  /** `eat_profile`, by which a reader knows which names follow. RFC 9711, section 6. */
  readonly tag: string;
  readonly verifierId: string;
  readonly status: string;
  readonly vector: string;
  readonly annotations: string;
  /** The claim that names what evidence was compared with. */
  readonly policy: { readonly claim: string; readonly many: boolean };
  /** Whether status of the whole and nonce of each piece of evidence have a place. */
  readonly whole: boolean;
}

export const earProfiles = {
  /** github.com/veraison/ear, ear.go and ear_appraisal.go */
  veraison: {
    tag: 'tag:github.com,2023:veraison/ear',
    verifierId: 'ear.verifier-id',
    status: 'ear.status',
    vector: 'ear.trustworthiness-vector',
    annotations: 'ear.veraison.annotated-evidence',
    policy: { claim: 'ear.appraisal-policy-id', many: false },
    whole: false,
  },
  /** draft-ietf-rats-ear-03, "EAT Attestation Result", "EAR Appraisal Claims" and "Project Veraison Extensions" */
  ietf: {
    tag: 'tag:ietf.org,2026:rats/ear#03',
    verifierId: 'ear_verifier_id',
    status: 'ear_status',
    vector: 'ear_trustworthiness_vector',
    annotations: 'ear_veraison_annotated_evidence',
    policy: { claim: 'ear_appraisal_policy_ids', many: true },
    whole: true,
  },
} as const satisfies Record<string, EarProfile>;

export type EarProfileName = keyof typeof earProfiles;
