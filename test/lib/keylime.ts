import { createHash, createPublicKey, verify } from 'node:crypto';
import { decodePublic } from 'node-tpm2-pts';
import type { KeylimeRequest } from '../../measurement/keylime/request.ts';

const hashes: Readonly<Record<number, string>> = {
  4: 'sha1',
  11: 'sha256',
  12: 'sha384',
  13: 'sha512',
};

/**
 * Judges a request as keylime does, written down from keylime/tpm/tpm_util.py (`checkquote`, `__get_pcrs_from_blob`,
 * `__hash_pcr_banks`) and keylime/tpm/tpm_main.py (`check_pcrs`) of 7.14, with its oddities: of several banks the values of the last one
 * count. `replayed` are the values that tpm2_eventlog gives for the log, by PCR. The failures; none for what keylime calls valid.
 */
export function keylimeFailures(
  { data }: KeylimeRequest,
  replayed: ReadonlyMap<number, string> = new Map(),
): string[] {
  const [quote = '', sig = '', pcrs = ''] = data.quote.slice(1).split(':');
  const [attest, signature] = [Buffer.from(quote, 'base64'), Buffer.from(sig, 'base64')];
  const values = checkQuote(data, attest, signature, Buffer.from(pcrs, 'base64'));
  if (typeof values === 'string') return [values];
  const { mask: _, ...policy } = JSON.parse(data.tpm_policy) as Record<string, string[]>;
  const failures: string[] = [];
  const used = new Set<number>();
  const replays = Object.keys(JSON.parse(data.mb_policy ?? '{}')).length > 0;
  for (const [pcr, value] of values) {
    const stripped = (hex: string) => hex.replace(/^0+/, '');
    if (replays && stripped(replayed.get(pcr) ?? '0') !== stripped(value)) {
      failures.push(`measured boot: invalid_pcr_${pcr}`);
    }
    const allowed = policy[pcr];
    if (replays || allowed !== undefined) used.add(pcr);
    if (allowed !== undefined && !allowed.includes(value)) failures.push(`invalid_pcr_${pcr}`);
  }
  const missing = Object.keys(policy).filter((pcr) => !used.has(Number(pcr)));
  return missing.length > 0 ? [...failures, `missing_pcrs ${missing}`] : failures;
}

function checkQuote(
  data: KeylimeRequest['data'],
  attest: Buffer,
  signature: Buffer,
  blob: Buffer,
): Map<number, string> | string {
  const algorithm = signature.readUInt16BE(2);
  const hash = hashes[algorithm] ?? '';
  if (hash !== data.hash_alg) return `expected to use ${data.hash_alg} but used ${hash}`;
  const ak = Buffer.from(data.tpm_ak, 'base64');
  if (ak.readUInt16BE(0) !== ak.length - 2) return 'tpm_ak is no TPM2B_PUBLIC';
  if (!signed(ak.subarray(2), hash, attest, signature)) return 'signature';
  if (attest.readUInt32BE(0) !== 0xff544347 || attest.readUInt16BE(4) !== 0x8018) return 'magic';
  const nonceAt = 8 + attest.readUInt16BE(6);
  const nonceSize = attest.readUInt16BE(nonceAt);
  const nonce = attest.subarray(nonceAt + 2, nonceAt + 2 + nonceSize);
  if (!nonce.equals(Buffer.from(data.nonce, 'base64'))) return 'nonce';
  const { count, selections, values } = pcrBlob(blob);
  const digest = createHash(hash);
  const byPcr = new Map<number, string>();
  let next = 0;
  for (let bank = 0; bank < count; bank++) {
    for (let pcr = 0; pcr < 24; pcr++) {
      if (((selections.get(algorithm) ?? 0) & (1 << pcr)) === 0) continue;
      const value = values[next++];
      if (value === undefined) return 'pcr_values list is too short';
      digest.update(value);
      byPcr.set(pcr, value.toString('hex'));
    }
  }
  if (next !== values.length) return 'did not consume all entries';
  return digest.digest().equals(attest.subarray(-32)) ? byPcr : 'digest of the registers';
}

function signed(publicArea: Buffer, hash: string, attest: Buffer, signature: Buffer): boolean {
  const { key } = decodePublic(publicArea);
  if (key.type !== 'ecc') return false;
  const [x, y] = [key.x.toString('base64url'), key.y.toString('base64url')];
  const jwk = { kty: 'EC', crv: 'P-256', x, y };
  const rSize = signature.readUInt16BE(4);
  const parts = [signature.subarray(6, 6 + rSize), signature.subarray(8 + rSize)];
  const raw = Buffer.concat(
    parts.map((part) => Buffer.concat([Buffer.alloc(32 - part.length), part])),
  );
  const of = {
    key: createPublicKey({ key: jwk, format: 'jwk' }),
    dsaEncoding: 'ieee-p1363' as const,
  };
  return verify(hash, attest, of, raw);
}

/** TPML_PCR_SELECTION and TPML_DIGESTs as they are in the memory of tpm2-tools. */
function pcrBlob(blob: Buffer) {
  const selections = new Map<number, number>();
  for (let i = 0; i < 16; i++) {
    const at = 4 + 8 * i;
    selections.set(
      blob.readUInt16LE(at),
      blob.readUInt8(at + 2) === 3 ? blob.readUIntLE(at + 3, 3) : 0,
    );
  }
  const values: Buffer[] = [];
  for (let list = 0; list < blob.readUInt32LE(132); list++) {
    for (let i = 0; i < 8; i++) {
      const at = 136 + list * (4 + 8 * 66) + 4 + i * 66;
      const size = blob.readUInt16LE(at);
      if (size > 0) values.push(blob.subarray(at + 2, at + 2 + size));
    }
  }
  return { count: blob.readUInt32LE(0), selections, values };
}
