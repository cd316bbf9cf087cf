import type { Verdict } from '../measurement/evidence/verdict.ts';
import { type GuestEvidence, readGuestEvidence } from '../measurement/guest-tpm/evidence.ts';
import type { GuestVerdict } from '../measurement/guest-tpm/guest-verdict.ts';
import { verdictOnGuestDamage, verifyGuest } from '../measurement/guest-tpm/verify-guest.ts';
import { requiredValue } from './arguments.ts';
import { type Input, UsageError } from './command.ts';
import { nonceOf } from './nonce.ts';

/** A guest that is to be judged. */
export interface GuestOrder {
  readonly directory: string;
  readonly domain: string;
  readonly nonce: Buffer;
}

/** What --guest asks for. @throws {@link UsageError} */
export function guestOrder(input: Input): GuestOrder | undefined {
  const { values, flags } = input;
  const directory = values.get('guest');
  const domain = values.get('guest-name');
  if (directory === undefined) {
    if (domain === undefined) return undefined;
    throw new UsageError('--guest-name is of no use alone', 'add --guest DIR');
  }
  if (domain === undefined) {
    throw new UsageError(
      '--guest needs the name of the guest that it has to be: each has evidence of its own',
      'add --guest-name NAME',
    );
  }
  if (flags.has('boot')) {
    throw new UsageError(
      '--guest needs a nonce, which the quote of the boot has not got',
      'have platform and guest quote the same nonce, and give it with --nonce',
    );
  }
  return { directory, domain, nonce: nonceOf(requiredValue(input, 'nonce')) };
}

/** Options that say something of a guest judged without its platform. */
const ALONE = ['nonce', 'guest', 'guest-name'];

/** Wrong usage beside --guest. */
export function checkGuestUsage(
  { values, flags, arguments: [evidence] }: Input,
  guest: GuestOrder | undefined,
): void {
  if (guest === undefined) {
    if (evidence !== undefined) return;
    throw new UsageError('EVIDENCE is missing', 'name the directory that has it');
  }
  const ear = ['ear', 'ear-out', 'ear-profile'].find((name) => values.has(name));
  if (ear !== undefined) {
    throw new UsageError(
      `--${ear} and --guest exclude each other: an attestation result is about a platform`,
      'leave one of them out',
    );
  }
  if (evidence !== undefined) return;
  const other = [...values.keys(), ...flags].find((name) => ![...ALONE, 'json'].includes(name));
  if (other === undefined) return;
  throw new UsageError(
    `--${other} is about the platform, and there is no evidence of one`,
    'name the directory with its evidence, before the options',
  );
}

/** Files that cannot be read are a failure; files that hold something else than a guest's evidence are evidence that is refused. */
export async function judgedGuest(
  { directory, domain, nonce }: GuestOrder,
  platform: Verdict | undefined,
): Promise<GuestVerdict> {
  let evidence: GuestEvidence;
  try {
    evidence = await readGuestEvidence(directory);
  } catch (error) {
    if (!(error instanceof Error) || !('hint' in error)) throw error;
    return verdictOnGuestDamage(domain, error.message, platform);
  }
  return verifyGuest(evidence, { domain, nonce }, platform);
}
