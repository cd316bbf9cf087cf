import { BOOT_APPLICATION_PCR } from '../firmware/pcr4.ts';
import { SECURE_BOOT_PCR } from '../firmware/pcr7.ts';
import { bootEnd } from './boot-end.ts';
import { bootNonce, type Evidence } from './evidence.ts';
import type { Expectation } from './expectation.ts';
import { expectsContent } from './expected-registers.ts';
import { measuredHypervisor } from './hypervisor.ts';
import type { Seen } from './judges/judge.ts';
import { secureBootClaim } from './secure-boot.ts';
import { type Gap, type GapId, gaps } from './verdict.ts';

/** A gap as it is found open. */
type Open = Pick<Gap, 'says' | 'hint'>;
type GapJudge = (
  expectation: Expectation,
  seen: Seen,
  evidence: Evidence,
) => Open | undefined | false;

/** Bytes; a shorter nonce could be one of those that somebody had quoted in advance. */
const SHORTEST_NONCE = 16;

/** When each gap is open. The compiler wants exactly one judge for each. */
const gapJudges: { readonly [gap in GapId]: GapJudge } = {
  nonce: (expectation, _, evidence) => {
    const hint = 'send dom0 a nonce of "openssl rand -hex 32", for "domb quote --nonce"';
    if (isOfBoot(expectation, evidence)) {
      return { says: 'the quote was taken during a boot, perhaps an earlier one', hint };
    }
    const { nonce } = expectation;
    const short = `the nonce has ${nonce.length} bytes only: somebody may have guessed it`;
    return nonce.length < SHORTEST_NONCE && { says: short, hint };
  },

  key: ({ ak, ekAuthorities }) =>
    ak === undefined && {
      says:
        ekAuthorities === undefined
          ? 'nothing shows that the attestation key is in a genuine TPM, and in that of this platform'
          : "nothing shows that the attestation key is in the certificate's TPM",
      hint: 'enrol the key with "domb enroll", and name it with --enrolled',
    },

  items: ({ items }) =>
    items === undefined && {
      says: 'the measured items: nothing to compare them with',
      hint: 'give a manifest with its images, or a reference',
    },

  'boot-log': (_, __, { bootLog }) =>
    bootLog === undefined && {
      says: 'what differed at this boot: UUIDs, the quoting key, and what scripts changed',
      hint: 'have boot.log in the evidence',
    },

  'boot-quote': (expectation, _, evidence) =>
    isOfBoot(expectation, evidence) &&
    evidence.bootQuote === undefined && {
      says: 'nothing shows that domB made this quote before the hand-over: dom0 can make it later, with the same key',
      hint: 'have the files boot-key.* and boot-quote.* in the evidence, or judge fresh evidence with a nonce',
    },

  'launch-chain': ({ pcrs }) =>
    !expectsContent(BOOT_APPLICATION_PCR, pcrs) && {
      says: 'nothing is expected of PCR 4: another kernel may have measured what domB measures',
      hint: 'start the platform from one EFI file, and name that with --efi, or in making the reference',
    },

  'secure-boot': (expectation, seen) => {
    const claim = secureBootClaim(expectation, seen);
    if (claim === undefined || expectsContent(SECURE_BOOT_PCR, expectation.pcrs)) return undefined;
    return {
      says: `${claim}, and nothing is expected of PCR 7: anybody's keys may be in it`,
      hint: 'give the keys that the machine should have with --secure-boot, or a reference with PCR 7',
    };
  },

  domains: (_, { log, bootLog }) => {
    const { missing } = log && bootLog ? bootEnd(log, bootLog) : { missing: [] };
    const names = [...new Set(missing.map(({ domain }) => domain))].join(', ');
    return (
      missing.length > 0 && {
        says: `the boot went on without ${names}`,
        hint: 'do what the log of the daemon says of it, and boot again',
      }
    );
  },

  // Only what domB itself measured is believed. Without its log the gap is that of the log.
  dma: (_, { bootLog }) =>
    bootLog !== undefined &&
    measuredHypervisor(bootLog.events)?.dma !== 'confined' && {
      says: 'nothing shows that devices were kept from memory: one may have changed what was measured, before or after',
      hint: 'say "iommu: required" in the manifest, and boot on a machine with an IOMMU',
    },
};

/** Given as a nonce, the digest of the logs is no more of the verifier's than it is otherwise. */
function isOfBoot({ nonce }: Expectation, evidence: Evidence): boolean {
  return nonce === 'boot' || bootNonce(evidence).equals(nonce);
}

/** Through what a lie could still come. */
export function gapsIn(evidence: Evidence, expectation: Expectation, seen: Seen): Gap[] {
  const { waived = [] } = expectation;
  return (Object.keys(gaps) as GapId[]).flatMap((gap) => {
    const open = gapJudges[gap](expectation, seen, evidence);
    return open ? [{ gap, ...open, waived: waived.includes(gap) }] : [];
  });
}
