import type { QuoteAttest } from 'node-tpm2-pts';
import type { MeasuredEvent } from '../events.ts';
import type { BootEnd } from './boot-end.ts';
import type { ItemResult } from './compare.ts';

/**
 * What evidence amounts to. `proven`: nothing is wrong and every gap is closed, or waived by name. `unproven`: nothing is wrong
 * with what was looked at, but a gap is open, through which a lie could come. `refused`: something is wrong.
 */
export type Outcome = 'proven' | 'unproven' | 'refused';

/** What is looked at, in the order in which it is. Programs rely on these names: they are never renamed. */
export const checks = {
  evidence: 'the files are there and have the form that they should have',
  quote: 'the quote: signature, kind of key, nonce, and that it is about the values given',
  key: 'the attestation key is the enrolled one',
  'ek-certificate':
    "the endorsement key's certificate is the enrolled one, and issued under the given authorities",
  log: 'the log of what can be predicted is well-formed and gives the quoted values',
  'boot-log':
    'the log of what differs at each boot is well-formed, gives the quoted value, and names the key that quoted',
  registers: 'each quoted register that holds something has a log',
  'boot-quote':
    'the quote that domB made was made before the hand-over, in the boot that the evidence is of',
  'firmware-log': "firmware's log gives the quoted values of PCR 0 to 7",
  'launch-chain': 'PCR 4 has the expected value: what firmware started is domB as expected',
  'secure-boot': 'PCR 7 has the expected value: state and keys of Secure Boot',
  firmware: "firmware's further registers have the expected values",
  items: 'every measured item is the expected one',
  hypervisor:
    'what domB measured of Xen is what the configuration requires, and its command line the expected one',
  scripts: 'what scripts changed and read was done by scripts that were measured',
  'read-back': 'what each domain has was read back from Xen, which ends a boot where it differs',
  boot: 'the boot came to its end: it did not fail, and did not end in recovery',
} as const;

export type CheckId = keyof typeof checks;

/** Through what a lie could still come, each with what closes it. Programs rely on these names: they are never renamed. */
export const gaps = {
  nonce: 'nothing shows that the quote is fresh, or the nonce can be guessed',
  key: 'nothing shows that the attestation key is in the TPM of this platform',
  items: 'the measured items were compared with nothing',
  'boot-log': 'the log of what differs at each boot was not looked at',
  'boot-quote':
    'the quote of the boot was judged, and nothing shows that it was made before the hand-over',
  'launch-chain':
    'nothing was expected of PCR 4: another kernel may have measured what domB measures',
  'secure-boot': 'Secure Boot is claimed, and nothing was expected of PCR 7',
  domains: 'a domain of the manifest did not come up',
  dma: 'domB did not measure that devices were kept from memory: one may have changed what was measured',
} as const;

export type GapId = keyof typeof gaps;

/** What one check found. */
export interface Finding {
  readonly check: CheckId;
  readonly ok: boolean;
  /** One line for people: what was found, where, and what was expected. */
  readonly says: string;
}

/** A gap that is open. */
export interface Gap {
  readonly gap: GapId;
  /** One line for people: what could be a lie here. */
  readonly says: string;
  /** One line: what closes it. */
  readonly hint: string;
  /** True when the verifier accepts it by name. */
  readonly waived: boolean;
}

export interface Verdict {
  readonly outcome: Outcome;
  readonly findings: readonly Finding[];
  readonly gaps: readonly Gap[];
  /** What this verdict does not vouch for beside its gaps, one line each. */
  readonly notes: readonly string[];
  /** How each item compares; only when there was something to compare with, and quote and log are true. */
  readonly compared?: readonly ItemResult[];
  /** The registers that the log is about; only when quote and log are true. */
  readonly pcrs?: readonly number[];
  /** What was measured; only when quote and log are true. */
  readonly events?: readonly MeasuredEvent[];
  /** What differed at this boot; only when its log is true. */
  readonly bootEvents?: readonly MeasuredEvent[];
  /** How the boot ended, and with which domains; only when both logs are true and capped. */
  readonly boot?: BootEnd;
  /** Clock, counters and firmware version; only when the quote is true. */
  readonly attest?: QuoteAttest;
}
