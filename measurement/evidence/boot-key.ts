import {
  type Attestation,
  certify,
  createPrimary,
  flushContext,
  type HashAlgorithm,
  type PcrValues,
  type PublicArea,
  pcrPolicyDigest,
  pcrRead,
  policyAkTemplate,
  policyPcr,
  policySession,
  type Quote,
  quote,
  TPM_RH,
  type Tpm,
  Writer,
  withPolicySession,
} from 'node-tpm2-pts';
import { withAttestationKey } from '../keys/attestation-key.ts';

/** What domB has signed before the caps, by a key that signs only as long as the registers hold what they hold then. */
export interface BootQuote {
  /** TPMT_PUBLIC of the boot key, a primary key of the NULL hierarchy, whose seed is another after each reset of the TPM. */
  readonly key: Buffer;
  /** By the attestation key: the boot key is in its TPM. */
  readonly certification: Attestation;
  /** By the boot key. */
  readonly quote: Quote;
}

/** The boot key's parent as its qualified name has it. */
export const BOOT_KEY_PARENT: Buffer = new Writer().u32(TPM_RH.NULL).toBuffer();

/**
 * The public area of a boot key that signs only while the registers have these values, but for the point, which the TPM
 * chooses. Its policy is about one bank, SHA-256, or where that is not there the first one stronger than SHA-1.
 * @returns undefined when there is no such bank
 */
export function bootKeyTemplate(pcrs: PcrValues): PublicArea | undefined {
  const bank = policyBank([...pcrs.keys()]);
  const values = bank && pcrs.get(bank);
  return values && policyAkTemplate(pcrPolicyDigest(new Map([[bank, values]])));
}

function policyBank(banks: readonly HashAlgorithm[]): HashAlgorithm | undefined {
  return banks.includes('sha256') ? 'sha256' : banks.find((bank) => bank !== 'sha1');
}

export interface BootQuoteOptions {
  /** Firmware's, and those of the logs. */
  readonly pcrs: readonly number[];
  readonly banks: readonly HashAlgorithm[];
  /** What certification and quote carry: `bootNonce` of the logs as they are before the caps. */
  readonly nonce: Uint8Array;
}

/**
 * Makes a boot key, has the attestation key certify it, and quotes `pcrs` in all banks with it. Once a
 * register changed, nobody can quote with that key again, and no key with the policy of the values before can quote.
 * @returns undefined when the TPM has no bank stronger than SHA-1
 */
export async function takeBootQuote(
  tpm: Tpm,
  { pcrs, banks, nonce }: BootQuoteOptions,
): Promise<BootQuote | undefined> {
  const selections = banks.map((bank) => ({ bank, pcrs }));
  const bank = policyBank(banks);
  const template = bootKeyTemplate(await pcrRead(tpm, selections));
  if (bank === undefined || template === undefined) return undefined;
  const demanded = selections.filter((selection) => selection.bank === bank);
  const key = await createPrimary(tpm, TPM_RH.NULL, template);
  try {
    const certification = await withAttestationKey(tpm, {}, (ak) =>
      certify(tpm, key.handle, ak.handle, nonce),
    );
    const made = await withPolicySession(tpm, async (session) => {
      await policyPcr(tpm, session, demanded);
      return quote(tpm, key.handle, nonce, selections, policySession(session, { keep: true }));
    });
    return { key: key.publicArea, certification, quote: made };
  } finally {
    await flushContext(tpm, key.handle);
  }
}
