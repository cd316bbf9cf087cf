import type { X509Certificate } from 'node:crypto';
import type { PcrValues } from 'node-tpm2-pts';
import type { MeasuredItem } from '../events.ts';
import type { FirmwareEvent } from './firmware-events.ts';
import type { GapId } from './verdict.ts';

/** What a verifier wants evidence to show. */
export interface Expectation {
  /**
   * What the quote must carry: the verifier's fresh nonce, or `boot` for the quote that domB itself took, which is tied to
   * the logs in the evidence and fresh in no way.
   */
  readonly nonce: Uint8Array | 'boot';
  /** The PCR that the platform measures into; further ones of single domains are named by what is in it. */
  readonly pcr: number;
  /** The PCR of what differs at each boot; without it, the one that the boot log names, where there is such a log. */
  readonly bootPcr?: number;
  /** What should have been measured, in order; without it the gap `items` is open. */
  readonly items?: readonly MeasuredItem[];
  /** The version of domB that `items` were computed for, here and now; not given where somebody else did. */
  readonly predictedBy?: string;
  /** Values that further PCRs must have, those of the firmware. */
  readonly pcrs?: PcrValues;
  /** The events that give values of `pcrs`, as far as they are known: with them a difference is told event by event. */
  readonly firmwareEvents?: readonly FirmwareEvent[];
  /** Xen's command line, where it is known, as Xen tells it: without the name of its image. */
  readonly xenCommandLine?: string;
  /** True when Secure Boot must have been on: then PCR 7 has to be among `pcrs`, or the gap `secure-boot` is open. */
  readonly secureBoot?: boolean;
  /** TPMT_PUBLIC of the key that must have made the quote: known from enrolment, to be in this platform's TPM. */
  readonly ak?: Uint8Array;
  /** The endorsement key's certificate (DER) that was enrolled with this key: another one in the evidence is wrong. */
  readonly ekCertificate?: Uint8Array;
  /** Authorities of TPM manufacturers; with them the endorsement key's certificate must be there and be theirs. */
  readonly ekAuthorities?: readonly X509Certificate[];
  /** Gaps that the verifier accepts. */
  readonly waived?: readonly GapId[];
}
