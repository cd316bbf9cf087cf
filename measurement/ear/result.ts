import type { Verdict } from '../evidence/verdict.ts';
import { type Appraisal, appraisePlatform } from './appraise.ts';
import { appraiseDomains } from './appraise-domains.ts';
import type { EarProfile } from './profiles.ts';
import { worseTier } from './trust-claims.ts';

/** What a result says besides the verdict. */
export interface EarContext {
  readonly profile: EarProfile;
  /** Who judged: RFC 9334's verifier, by developer and build. */
  readonly verifier: { readonly developer: string; readonly build: string };
  /** When, in seconds since 1970. */
  readonly issuedAt: number;
  /** What the evidence had to carry; undefined where it carries no nonce of a verifier. */
  readonly nonce?: Uint8Array | undefined;
  /** A name for what the evidence was compared with; undefined where that is nothing. */
  readonly policy?: string | undefined;
}

/** RFC 9711, section 4.1: no nonce is shorter. */
const SHORTEST_NONCE = 8;

/**
 * The claims of an EAT attestation result (draft-ietf-rats-ear): one submodule named `platform`, and one `domain:NAME` for each domain
 * that was measured or should have been. To be signed as a JWT.
 */
export function earClaims(verdict: Verdict, context: EarContext): Record<string, unknown> {
  const { profile, verifier, issuedAt } = context;
  const platform = appraisePlatform(verdict);
  const domains = [...appraiseDomains(verdict, platform)];
  const all = [platform, ...domains.map(([, each]) => each)];
  const nonce = nonceClaim(context);
  return {
    eat_profile: profile.tag,
    iat: issuedAt,
    [profile.verifierId]: { developer: verifier.developer, build: verifier.build },
    ...(profile.whole
      ? { [profile.status]: all.map(({ status }) => status).reduce(worseTier) }
      : {}),
    ...nonce,
    submods: Object.fromEntries([
      ['platform', submodule(platform, context, profile.whole ? nonce : {})],
      ...domains.map(([name, each]) => [`domain:${name}`, submodule(each, context, {})] as const),
    ]),
  };
}

function submodule(
  { status, vector, annotations }: Appraisal,
  { profile, policy }: EarContext,
  nonce: object,
): Record<string, unknown> {
  const { claim, many } = profile.policy;
  return {
    [profile.status]: status,
    // Its CDDL wants one member at least.
    ...(Object.keys(vector).length > 0 ? { [profile.vector]: vector } : {}),
    ...(policy === undefined ? {} : { [claim]: many ? [policy] : policy }),
    ...nonce,
    [profile.annotations]: annotations,
  };
}

/** In base64 with padding, 12 to 88 characters. draft-ietf-rats-ear, "EAT Attestation Result": eat_nonce. */
function nonceClaim({ nonce }: EarContext): { eat_nonce?: string } {
  if (nonce === undefined || nonce.length < SHORTEST_NONCE) return {};
  return { eat_nonce: Buffer.from(nonce).toString('base64') };
}
