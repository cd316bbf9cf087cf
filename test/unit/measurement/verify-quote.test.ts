import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  encodePublic,
  type PcrValues,
  type PublicArea,
  type Quote,
  QuoteError,
  TPMA_OBJECT,
  Tpm2Error,
  verifyQuote,
} from 'node-tpm2-pts';
import { SoftwareAk } from '../../lib/software-ak.ts';

const NONCE = Buffer.from('nonce');
const AK = new SoftwareAk();
const PCRS: PcrValues = new Map([
  [
    'sha256',
    new Map([
      [4, Buffer.alloc(32, 4)],
      [13, Buffer.alloc(32, 13)],
    ]),
  ],
]);
const QUOTE = AK.quote(PCRS);

function check(quote: Quote, { ak = AK.publicArea, nonce = NONCE, pcrs = PCRS } = {}) {
  return verifyQuote(quote, { ak, nonce, pcrs });
}

function refuses(run: () => unknown, message: RegExp): void {
  assert.throws(run, (error) => error instanceof QuoteError && message.test(error.message));
}

test('a true quote verifies and tells what was quoted', () => {
  const attest = check(QUOTE);
  assert.deepEqual(attest.selections, [{ bank: 'sha256', pcrs: [4, 13] }]);
  assert.deepEqual(attest.clock, { clock: 1000n, resetCount: 1, restartCount: 0, safe: true });
});

test('no flipped bit is accepted, in message or signature, and none crashes', () => {
  for (const part of ['attest', 'signature'] as const) {
    for (let bit = 0; bit < 8 * QUOTE[part].length; bit++) {
      const changed = Buffer.from(QUOTE[part]);
      changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      assert.throws(() => check({ ...QUOTE, [part]: changed }), Tpm2Error, `${part}, bit ${bit}`);
    }
  }
});

test('no truncation is accepted, even when it is signed', () => {
  for (let length = 0; length < QUOTE.attest.length; length++) {
    const attest = QUOTE.attest.subarray(0, length);
    assert.throws(() => check({ attest, signature: AK.sign(attest) }), Tpm2Error);
    if (length >= QUOTE.signature.length) continue;
    const signature = QUOTE.signature.subarray(0, length);
    assert.throws(() => check({ ...QUOTE, signature }), Tpm2Error);
  }
  const longer = Buffer.concat([QUOTE.attest, Buffer.alloc(1)]);
  assert.throws(() => check({ attest: longer, signature: AK.sign(longer) }), /1 bytes too many/);
});

test('stale nonce, another key', () => {
  refuses(() => check(QUOTE, { nonce: Buffer.from('other') }), /the nonce is not ours/);
  refuses(() => check(QUOTE, { nonce: Buffer.from('nonc') }), /the nonce is not ours/);
  refuses(() => check(QUOTE, { ak: new SoftwareAk().publicArea }), /signature does not match/);
});

test('signed statements that are no quote', () => {
  assert.throws(() => check(AK.quote(PCRS, { magic: 0xff544348 })), /not made by a TPM/);
  assert.throws(() => check(AK.quote(PCRS, { type: 0x8017 })), /no quote/);
});

test('the values must be exactly the quoted PCRs', () => {
  const one: PcrValues = new Map([['sha256', new Map([[13, Buffer.alloc(32, 13)]])]]);
  const other: PcrValues = new Map([['sha256', new Map([[13, Buffer.alloc(32, 9)]])]]);
  const bank: PcrValues = new Map([...PCRS, ['sha384', new Map([[13, Buffer.alloc(48)]])]]);
  refuses(() => check(QUOTE, { pcrs: one }), /quoted, but no value to compare: sha256:4/);
  refuses(() => check(AK.quote(one), { pcrs: PCRS }), /not quoted: sha256:4/);
  refuses(() => check(QUOTE, { pcrs: bank }), /not quoted: sha384:13/);
  refuses(() => check(AK.quote(one), { pcrs: other }), /differ from the expected/);
  refuses(() => check(AK.quote(new Map()), { pcrs: new Map() }), /no PCR was to be compared/);
  refuses(() => check(QUOTE, { pcrs: new Map([['sha256', new Map()]]) }), /no PCR was to be/);
});

test('keys that are no attestation keys', () => {
  const { RESTRICTED, FIXED_TPM, SIGN, DECRYPT } = TPMA_OBJECT;
  const changes: [name: string, (attributes: number) => number][] = [
    ['unrestricted: signs anything', (bits) => bits & ~RESTRICTED],
    ['may live in another TPM', (bits) => bits & ~FIXED_TPM],
    ['no signing key', (bits) => bits & ~SIGN],
    ['decrypts too', (bits) => bits | DECRYPT],
  ];
  for (const [name, change] of changes) {
    const key = new SoftwareAk((area) => ({ ...area, attributes: change(area.attributes) }));
    const run = () => check(key.quote(PCRS), { ak: key.publicArea });
    assert.throws(run, /no restricted signing key/, name);
  }
  const scheme = (signing: unknown) => (area: PublicArea) =>
    ({ ...area, key: { ...area.key, signing } }) as PublicArea;
  for (const signing of [undefined, { scheme: 'ecdsa', hash: 'sha1' }]) {
    const key = new SoftwareAk(scheme(signing));
    refuses(() => check(key.quote(PCRS), { ak: key.publicArea }), /no fixed, strong signing/);
  }
  const signer = new SoftwareAk();
  const other = encodePublic(scheme({ scheme: 'ecdsa', hash: 'sha384' })(signer.area));
  refuses(() => check(signer.quote(PCRS), { ak: other }), /another scheme/);
});

test('a public key that is no point of its curve is refused', () => {
  const key = new SoftwareAk();
  const bad = Buffer.from(key.publicArea);
  bad.writeUInt8(bad.readUInt8(bad.length - 1) ^ 1, bad.length - 1);
  assert.throws(() => check(key.quote(PCRS), { ak: bad }));
});
