import { digest } from 'node-tpm2-pts';
import type { Expectation } from '../evidence/expectation.ts';
import { referenceFile } from '../evidence/reference.ts';

/**
 * A name for what evidence was compared with, in which the digest of the reference stands: of the bytes that
 * `domb predict --reference-out` writes for it. RFC 6920, section 3. Undefined where nothing was expected of the items.
 */
export function policyName(expectation: Expectation): string | undefined {
  const { pcr, bootPcr, items, pcrs = new Map() } = expectation;
  if (items === undefined || bootPcr === undefined) return undefined;
  const bytes = referenceFile({ pcr, bootPcr, items, pcrs });
  return `ni:///sha-256;${digest('sha256', Buffer.from(bytes)).toString('base64url')}`;
}
