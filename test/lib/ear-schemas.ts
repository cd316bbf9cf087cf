/**
 * The forms of attestation results, written down from their definitions and not from what writes them here: the CDDL of
 * draft-ietf-rats-ear-03 and draft-ietf-rats-ar4si, and what github.com/veraison/ear (ear.go, ear_appraisal.go) reads. Stricter
 * than the latter, which lets members pass that it does not know.
 */
const tier = { enum: ['none', 'affirming', 'warning', 'contraindicated'] };
const claim = { type: 'integer', minimum: -128, maximum: 127 };
const vector = {
  type: 'object',
  minProperties: 1,
  additionalProperties: false,
  properties: Object.fromEntries(
    [
      'instance-identity',
      'configuration',
      'executables',
      'file-system',
      'hardware',
      'runtime-opaque',
      'storage-opaque',
      'sourced-data',
    ].map((name) => [name, claim]),
  ),
};
const text = { type: 'string', minLength: 1 };
const verifier = {
  type: 'object',
  required: ['developer', 'build'],
  additionalProperties: false,
  properties: { developer: text, build: text },
};
const nonce = { type: 'string', minLength: 12, maxLength: 88, pattern: '^[A-Za-z0-9+/]+=*$' };

const resultOf = (
  properties: Record<string, object>,
  required: readonly string[],
  submodule: object,
) => ({
  type: 'object',
  required: ['eat_profile', 'iat', 'submods', ...required],
  additionalProperties: false,
  properties: {
    iat: { type: 'integer' },
    eat_nonce: nonce,
    submods: { type: 'object', minProperties: 1, additionalProperties: submodule },
    ...properties,
  },
});

export const earSchemas = {
  veraison: resultOf(
    {
      eat_profile: { const: 'tag:github.com,2023:veraison/ear' },
      'ear.verifier-id': verifier,
      'ear.raw-evidence': text,
    },
    ['ear.verifier-id'],
    {
      type: 'object',
      required: ['ear.status'],
      additionalProperties: false,
      properties: {
        'ear.status': tier,
        'ear.trustworthiness-vector': vector,
        'ear.appraisal-policy-id': text,
        'ear.veraison.annotated-evidence': { type: 'object' },
      },
    },
  ),
  ietf: resultOf(
    {
      eat_profile: { const: 'tag:ietf.org,2026:rats/ear#03' },
      ear_status: tier,
      exp: { type: 'integer' },
      ear_verifier_id: verifier,
      ear_raw_evidence: text,
    },
    ['ear_verifier_id'],
    {
      type: 'object',
      required: ['ear_status', 'ear_trustworthiness_vector'],
      additionalProperties: false,
      properties: {
        eat_profile: text,
        ear_status: tier,
        ear_trustworthiness_vector: vector,
        ear_appraisal_policy_ids: { type: 'array', minItems: 1, items: text },
        eat_nonce: nonce,
        ear_veraison_annotated_evidence: { type: 'object' },
      },
    },
  ),
};
