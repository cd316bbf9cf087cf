import { decodeSignature, type HashAlgorithm, type PcrValues, verifyQuote } from 'node-tpm2-pts';
import { MeasurementError } from '../errors.ts';
import { EventLogError } from '../event-log/format.ts';
import { type Evidence, evidenceFiles } from '../evidence/evidence.ts';
import { AK_PARENT } from '../keys/attestation-key.ts';
import { oneBankLog, unreplayed } from './one-bank-log.ts';

/**
 * The body of a call of keylime's `POST /v2.4/verify/evidence` (and 2.5), which judges evidence of a machine that has no agent. What is
 * in it: docs/rest_apis/2_5/verifier.rst and `VerifyEvidenceHandler._tpm_verify` in keylime/cloud_verifier_tornado.py, of 7.14.
 */
export interface KeylimeRequest {
  readonly type: 'tpm';
  readonly data: {
    /** Base64. */
    readonly nonce: string;
    /** `r`, then TPMS_ATTEST, TPMT_SIGNATURE and the PCR file of tpm2_quote, in base64, with colons between. */
    readonly quote: string;
    readonly hash_alg: HashAlgorithm;
    /** TPM2B_PUBLIC in base64. */
    readonly tpm_ak: string;
    /** Must be there; nobody looks at it. */
    readonly tpm_ek: string;
    /** JSON in a string: by PCR, the values that are allowed. */
    readonly tpm_policy: string;
    /** JSON in a string. An empty one would skip the replay of `mb_log`. */
    readonly mb_policy?: string;
    /** The event log in base64. */
    readonly mb_log?: string;
  };
}

export interface KeylimeExport {
  readonly request: KeylimeRequest;
  /** What keylime will not look at, one line each. */
  readonly notes: readonly string[];
}

/** What stands for an endorsement key where there is none. */
const NO_EK = 'none';

/** Says nothing; keylime's policy `accept-all`, which its verifier has unless configured otherwise, asks no more of it. */
const REPLAY_ONLY = JSON.stringify({ replay: 'only' });

/**
 * Evidence as keylime takes it.
 * @param nonce what the quote carries
 * @param expected the values that registers must have
 * @throws {QuoteError} where the quote is not true
 * @throws {MeasurementError} where keylime would misunderstand it, or nothing would be compared
 */
export function keylimeExport(
  evidence: Evidence,
  nonce: Uint8Array,
  expected: PcrValues,
): KeylimeExport {
  const { ak, pcrs } = evidence;
  verifyQuote(evidence.quote, { ak, parent: AK_PARENT, nonce, pcrs });
  const bank = decodeSignature(evidence.quote.signature).hash;
  const files = evidenceFiles(evidence);
  const base64 = (name: string) => file(files, name).toString('base64');
  requireLastBank(pcrs, bank);
  const policy = policyOf(expected, bank);
  const log = replayingLog(evidence, bank);
  const ek = evidence.ekCertificate?.toString('base64');
  const unlisted = [...(pcrs.get(bank)?.keys() ?? [])].filter((pcr) => !(pcr in policy));
  const quote = ['quote.attest', 'quote.signature', 'quote.pcrs'].map(base64).join(':');
  return {
    request: {
      type: 'tpm',
      data: {
        nonce: Buffer.from(nonce).toString('base64'),
        quote: `r${quote}`,
        hash_alg: bank,
        tpm_ak: base64('ak.pub'),
        tpm_ek: ek ?? NO_EK,
        tpm_policy: JSON.stringify({ ...policy, mask: maskOf(Object.keys(policy)) }),
        ...('bytes' in log ? { mb_policy: REPLAY_ONLY, mb_log: log.bytes.toString('base64') } : {}),
      },
    },
    notes: [
      `compared with nothing: PCR ${unlisted.join(', ')}`,
      ...('bytes' in log ? [] : [`not replayed, so the log is left out: ${log.reason}`]),
      ...(ek === undefined ? ['the evidence has no EK certificate; keylime looks at none'] : []),
      'not looked at by keylime: what the events say, the kind of the key, and in which TPM it is',
    ],
  };
}

/**
 * `checkquote` in keylime/tpm/tpm_util.py takes the hash of the signature for that of the registers, and of several quoted banks it
 * sees the values of the last one.
 */
function requireLastBank(quoted: PcrValues, bank: HashAlgorithm): void {
  if ([...quoted.keys()].at(-1) === bank) return;
  throw new MeasurementError(
    `the quote does not end with the bank ${bank}, and keylime would take values of another one for it`,
    'have it made again by "domb quote" of this version',
  );
}

/** Lists, also of one value: in a text keylime would look for a part. */
function policyOf(expected: PcrValues, bank: HashAlgorithm): Record<string, readonly string[]> {
  const values = expected.get(bank) ?? new Map<number, Buffer>();
  if (values.size === 0) {
    throw new MeasurementError(
      `nothing is expected of any register in bank ${bank}`,
      'name a manifest or a reference; keylime would accept any platform without a policy',
    );
  }
  const sorted = [...values].sort(([a], [b]) => a - b);
  return Object.fromEntries(sorted.map(([pcr, value]) => [pcr, [value.toString('hex')]]));
}

/** Hex digits with a bit for each register, as keylime's tenant writes them. */
function maskOf(pcrs: readonly string[]): string {
  return `0x${pcrs.reduce((bits, pcr) => bits | (1 << Number(pcr)), 0).toString(16)}`;
}

/**
 * The logs as one that replays into every quoted register: keylime takes a register without an event for one that must be zero, and
 * refuses what differs.
 */
function replayingLog(
  { firmwareLog, log, bootLog, pcrs }: Evidence,
  bank: HashAlgorithm,
): { bytes: Buffer } | { reason: string } {
  try {
    const logs = [firmwareLog, log, bootLog].filter((each) => each !== undefined);
    const bytes = oneBankLog(logs, bank);
    const without = unreplayed(bytes, pcrs, bank);
    if (without.length === 0) return { bytes };
    return { reason: `the logs do not give PCR ${without.join(', ')}` };
  } catch (error) {
    if (error instanceof EventLogError) return { reason: error.message };
    throw error;
  }
}

function file(files: ReadonlyMap<string, Buffer>, name: string): Buffer {
  const bytes = files.get(name);
  if (bytes === undefined) throw new TypeError(`evidence has no ${name}`);
  return bytes;
}
