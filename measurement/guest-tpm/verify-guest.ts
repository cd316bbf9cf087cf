import { createPublicKey, type KeyObject } from 'node:crypto';
import {
  decodePublic,
  type HashAlgorithm,
  hashAlgorithms,
  publicKey,
  Tpm2Error,
  verifyQuote,
} from 'node-tpm2-pts';
import { MeasurementError } from '../errors.ts';
import type { IdentityItem, VtpmAuthorityItem } from '../events.ts';
import type { Outcome, Verdict } from '../evidence/verdict.ts';
import { guestLaunch, LAUNCH_PCRS } from '../guest-launch.ts';
import { AK_PARENT } from '../keys/attestation-key.ts';
import { type ReadCertificate, readGuestCertificate } from './certificate.ts';
import type { GuestEvidence } from './evidence.ts';
import type { GuestCheckId, GuestFinding, GuestGap, GuestVerdict } from './guest-verdict.ts';
import { launchOf } from './launch-of.ts';

export interface GuestExpectation {
  /** The guest's name in the manifest. */
  readonly domain: string;
  /** What the guest's quote must carry. */
  readonly nonce: Uint8Array;
}

/** What the platform's logs, which its quote vouches for, say of the guest. */
interface Vouched {
  readonly authority: KeyObject;
  readonly identity: IdentityItem;
  readonly label: string;
  readonly launch: NonNullable<ReturnType<typeof launchOf>>['launch'];
  /** Scripts may have changed the guest since it was measured. */
  readonly scripted: boolean;
}

/**
 * Judges a guest's evidence, by the logs of its platform and by nothing else: whose authority certified the guest's key, which UUID the guest
 * has and what it was built from. Never throws for anything that is in the evidence.
 * @param platform the verdict about the platform; undefined when there is no evidence of it: then nothing is proven
 */
export function verifyGuest(
  evidence: GuestEvidence,
  { domain, nonce }: GuestExpectation,
  platform: Verdict | undefined,
): GuestVerdict {
  const findings: GuestFinding[] = [];
  const right = (check: GuestCheckId, says: string) => findings.push({ check, ok: true, says });
  const wrong = (check: GuestCheckId, ...lines: readonly string[]) => {
    findings.push(...lines.map((says) => ({ check, ok: false, says })));
    return ended(domain, findings, platform);
  };
  const certificate = attempt(() => readGuestCertificate(evidence.akCertificate, 'ak.der'));
  if (typeof certificate === 'string') return wrong('guest-evidence', certificate);
  const key = attempt(() => publicKey(decodePublic(evidence.ak)));
  if (typeof key === 'string') return wrong('guest-evidence', `ak.pub: ${key}`);
  right('guest-evidence', 'guest: quote, key and its certificate');

  const { ak, pcrs, quote } = evidence;
  const attest = attempt(() => verifyQuote(quote, { ak, parent: AK_PARENT, nonce, pcrs }));
  if (typeof attest === 'string') return wrong('guest-quote', `guest: ${attest}`);
  right('guest-quote', 'guest: signature, nonce and PCR values');

  const vouched = vouchedFor(domain, platform);
  if (typeof vouched === 'string') return wrong('guest-identity', vouched);
  const ofKey = keyProblems(certificate, key, vouched);
  if (ofKey.length > 0) return wrong('guest-key', ...ofKey);
  const ofIdentity = identityProblems(domain, certificate, vouched);
  if (ofIdentity.length > 0) return wrong('guest-identity', ...ofIdentity);
  const notes = [ownRegisters(evidence)];
  if (vouched === undefined)
    return ended(domain, findings, platform, { gaps: [NO_PLATFORM], notes });
  const { identity, label } = vouched;
  right('guest-key', 'guest: its key is certified by the measured authority');
  right('guest-identity', `guest: ${domain}, domain ${identity.domid}, ${identity.uuid}, ${label}`);

  const ofLaunch = launchProblems(evidence, certificate, vouched);
  if (ofLaunch.length > 0) return wrong('guest-launch', ...ofLaunch);
  right('guest-launch', 'guest: PCR 8 and 9 are those of what domB built it from');
  return ended(domain, findings, platform, { notes });
}

const NO_PLATFORM: GuestGap = {
  gap: 'guest-platform',
  says: 'nothing shows that a measured platform vouches for the guest: anybody makes an authority',
  hint: "judge it together with the platform's evidence, of the same boot",
};

/** The verdict on files that are no evidence of a guest. @param says what is wrong with which */
export const verdictOnGuestDamage = (
  domain: string,
  says: string,
  platform: Verdict | undefined,
): GuestVerdict =>
  ended(domain, [{ check: 'guest-evidence', ok: false, says: `guest: ${says}` }], platform);

function ended(
  domain: string,
  findings: readonly GuestFinding[],
  platform: Verdict | undefined,
  { gaps = [], notes = [] }: Partial<Pick<GuestVerdict, 'gaps' | 'notes'>> = {},
): GuestVerdict {
  const own: Outcome = findings.some(({ ok }) => !ok)
    ? 'refused'
    : gaps.length > 0
      ? 'unproven'
      : 'proven';
  const both = [own, platform?.outcome ?? 'unproven'];
  const outcome =
    (['refused', 'unproven'] as const).find((each) => both.includes(each)) ?? 'proven';
  return { outcome, domain, findings, gaps, notes };
}

/**
 * What the platform's logs say of the guest.
 * @returns undefined where there are none that a quote vouches for; a text where they know no such guest
 */
function vouchedFor(name: string, platform: Verdict | undefined): Vouched | undefined | string {
  const { events, bootEvents } = platform ?? {};
  if (events === undefined || bootEvents === undefined) return undefined;
  const guest = launchOf(events, name);
  if (guest === undefined) return `the platform's log knows no domain ${name}`;
  const { launch, server } = guest;
  if (server === undefined) return `${name} has no vTPM, as the platform's log says`;
  const identities = bootEvents.filter(
    (event): event is IdentityItem & typeof event =>
      event.event === 'identity' && event.domain === name,
  );
  const authorities = bootEvents.filter(
    (event): event is VtpmAuthorityItem & typeof event =>
      event.event === 'vtpm-authority' && event.domain === server,
  );
  const [identity] = identities;
  const [measured] = authorities;
  const one = identities.length === 1 && authorities.length === 1;
  if (identity === undefined || measured === undefined || !one) {
    return `the boot log does not name one UUID of ${name}, and one authority over the TPMs that ${server} serves`;
  }
  const authority = keyIn(measured);
  if (authority === undefined) return 'the authority that the boot log names is no key';
  const own = launch.find((item) => item.event === 'domain');
  return {
    ...{ authority, identity, launch },
    label: own?.event === 'domain' ? own.seclabel : '',
    scripted: bootEvents.some(({ event }) => event === 'script-action'),
  };
}

function keyIn({ publicKey: hex }: VtpmAuthorityItem): KeyObject | undefined {
  try {
    return createPublicKey({ key: Buffer.from(hex, 'hex'), type: 'spki', format: 'der' });
  } catch {
    return undefined;
  }
}

function keyProblems(
  { certificate, publicKey: certified, kind }: ReadCertificate,
  key: KeyObject,
  vouched: Vouched | undefined,
): string[] {
  const problems: string[] = [];
  if (kind !== 'ak')
    problems.push("guest: ak.der is another key's certificate than an attestation key's");
  if (!certified.equals(key)) {
    problems.push('guest: the key that quoted is not the one in ak.der');
  }
  if (vouched !== undefined && !isSignedBy(certificate, vouched.authority)) {
    problems.push('guest: ak.der is not of the authority that domB measured in this boot');
  }
  return problems;
}

function isSignedBy(certificate: ReadCertificate['certificate'], key: KeyObject): boolean {
  try {
    return certificate.verify(key);
  } catch {
    return false; // A signature of a kind that OpenSSL does not know.
  }
}

function identityProblems(
  name: string,
  { guest }: ReadCertificate,
  vouched: Vouched | undefined,
): string[] {
  if (guest.domain !== name) {
    const whose = guest.domain === undefined ? 'a domain that domB did not make' : guest.domain;
    return [`guest: the TPM is that of ${whose}, not of ${name}`];
  }
  if (vouched === undefined) return [];
  const { domid, uuid } = vouched.identity;
  return guest.domid === domid && guest.uuid === uuid
    ? []
    : [
        `guest: the TPM is that of domain ${guest.domid}, ${guest.uuid}; domB made ${name} as domain ${domid}, ${uuid}`,
      ];
}

/** PCR 8 and 9 in each quoted bank, and in the certificate. SHA-1 alone says nothing. */
function launchProblems(
  { pcrs }: GuestEvidence,
  { guest }: ReadCertificate,
  { launch, identity, scripted }: Vouched,
): string[] {
  const { event, domain, domid, uuid } = identity;
  const items = { predictable: launch, identity: { event, domain, domid, uuid } };
  const registers = Object.values(LAUNCH_PCRS);
  const stated = Object.entries(guest.launch ?? {}).map(
    ([bank, values]) => [bank, (pcr: number) => values[pcr]] as const,
  );
  const quoted = [...pcrs].map(
    ([bank, values]) => [bank, (pcr: number) => values.get(pcr)?.toString('hex')] as const,
  );
  const problems: string[] = [];
  const strong = quoted.some(
    ([bank, value]) => bank !== 'sha1' && registers.every((pcr) => value(pcr) !== undefined),
  );
  if (!strong) problems.push('guest: PCR 8 and 9 are not quoted, in a bank stronger than SHA-1');
  if (stated.length === 0) problems.push('guest: ak.der says nothing of the launch');
  for (const [what, banks] of [
    ['quoted', quoted],
    ['in ak.der', stated],
  ] as const) {
    for (const [bank, value] of banks) {
      const known = hashAlgorithms.find((each: HashAlgorithm) => each === bank);
      const wanted = known && guestLaunch(items, [known]).pcrs.get(known);
      for (const pcr of registers) {
        const found = value(pcr);
        if (what === 'quoted' && found === undefined) continue;
        if (found === wanted?.get(pcr)?.toString('hex')) continue;
        const why = scripted ? ' (a boot script changed something, and may have changed it)' : '';
        problems.push(
          `guest: PCR ${pcr} ${what}, ${bank}, is not that of what the platform's log has of it${why}`,
        );
      }
    }
  }
  return problems;
}

function ownRegisters({ pcrs }: GuestEvidence): string {
  const launch: readonly number[] = Object.values(LAUNCH_PCRS);
  const numbers = new Set([...pcrs.values()].flatMap((values) => [...values.keys()]));
  const own = [...numbers].filter((pcr) => !launch.includes(pcr)).sort((a, b) => a - b);
  return `the guest's further registers (${own.join(', ') || 'none is quoted'}): what it extended itself, compared with nothing`;
}

/** The result, or the message of an error that the evidence itself caused. */
function attempt<T>(run: () => T): T | string {
  try {
    return run();
  } catch (error) {
    if (error instanceof Tpm2Error || error instanceof MeasurementError) return error.message;
    throw error;
  }
}
