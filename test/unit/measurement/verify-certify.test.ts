import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Attestation,
  CertifyError,
  policyAkTemplate,
  TPM_RH,
  TPMA_OBJECT,
  Tpm2Error,
  verifyCertify,
  Writer,
} from 'node-tpm2-pts';
import { SoftwareAk } from '../../lib/software-ak.ts';

const hierarchy = (handle: number) => new Writer().u32(handle).toBuffer();
const ENDORSEMENT = hierarchy(TPM_RH.ENDORSEMENT);
const NULL = hierarchy(TPM_RH.NULL);
const NONCE = Buffer.from('nonce');

const AK = new SoftwareAk();
const OBJECT = new SoftwareAk(
  ({ key }) => ({ ...policyAkTemplate(Buffer.alloc(32, 7)), key }),
  TPM_RH.NULL,
);
const CERTIFICATION = AK.certify(OBJECT);

function check(
  certification: Attestation,
  {
    ak = AK.publicArea,
    parent = ENDORSEMENT,
    object = OBJECT.publicArea,
    place = NULL,
    nonce = NONCE,
  } = {},
) {
  return verifyCertify(certification, {
    ak: { publicArea: ak, parent },
    object: { publicArea: object, parent: place },
    nonce,
  });
}

function refuses(run: () => unknown, message: RegExp): void {
  assert.throws(run, (error) => error instanceof CertifyError && message.test(error.message));
}

test('a true certification verifies and tells the counters', () => {
  const { clock } = check(CERTIFICATION);
  assert.deepEqual(clock, { clock: 1000n, resetCount: 1, restartCount: 0, safe: true });
});

test('no flipped bit is accepted, in message, signature or either key, and none crashes', () => {
  const flipped = (bytes: Buffer, bit: number) => {
    const changed = Buffer.from(bytes);
    changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    return changed;
  };
  for (const part of ['attest', 'signature'] as const) {
    for (let bit = 0; bit < 8 * CERTIFICATION[part].length; bit++) {
      const changed = { ...CERTIFICATION, [part]: flipped(CERTIFICATION[part], bit) };
      assert.throws(() => check(changed), Tpm2Error, `${part}, bit ${bit}`);
    }
  }
  for (let bit = 0; bit < 8 * OBJECT.publicArea.length; bit++) {
    assert.throws(() => check(CERTIFICATION, { object: flipped(OBJECT.publicArea, bit) }));
    if (bit >= 8 * AK.publicArea.length) continue;
    assert.throws(() => check(CERTIFICATION, { ak: flipped(AK.publicArea, bit) }));
  }
});

test('no truncation is accepted, even when it is signed', () => {
  for (let length = 0; length < CERTIFICATION.attest.length; length++) {
    const attest = CERTIFICATION.attest.subarray(0, length);
    assert.throws(() => check({ attest, signature: AK.sign(attest) }), Tpm2Error);
  }
  const longer = Buffer.concat([CERTIFICATION.attest, Buffer.alloc(1)]);
  assert.throws(() => check({ attest: longer, signature: AK.sign(longer) }), /1 bytes too many/);
});

test('another key, object, place, nonce or kind of attestation', () => {
  const other = new SoftwareAk();
  refuses(() => check(other.certify(OBJECT)), /signature does not match/);
  refuses(() => check(AK.certify(other)), /about another object/);
  refuses(() => check(CERTIFICATION, { place: ENDORSEMENT }), /object is in another place/);
  refuses(() => check(CERTIFICATION, { parent: NULL }), /signer is not this key in its place/);
  refuses(() => check(CERTIFICATION, { nonce: Buffer.from('nonc') }), /nonce is not ours/);
  refuses(() => check(AK.quote(new Map([['sha256', new Map()]]))), /of type quote/);
  const { RESTRICTED } = TPMA_OBJECT;
  const loose = new SoftwareAk((area) => ({ ...area, attributes: area.attributes & ~RESTRICTED }));
  refuses(
    () => check(loose.certify(OBJECT), { ak: loose.publicArea }),
    /no restricted signing key/,
  );
});

/** As swtpm 0.7.1 (libtpms) made them: an AK, a policy key in the NULL hierarchy, and the one's word on the other. */
const MADE_BY_TPM = {
  ak: `0023000b00050072000000100018000b000300100020c103f0e6bdb0025c995f3d26c495b7cb32e311fa779d9374
    b892712023698f5e00207e3ad6d4f6870fe0e23132a29c16d64d508c5e5e12ea8019f89d7e4bf1d250e1`,
  object: `0023000b000504320020cc6ee29b44ab92f26791ed836f39b1c09ae683868e9328634073b4157f5f284e00100018
    000b00030010002083ffe9fabee404c195c23498440290b885602e9719fc5593de326864ce163ead0020fe4a378a36
    fde93403cfa25551d657aba3f57690aee2a3ba1610b324664ea44c`,
  attest: `ff54434780170022000b7ba5abc90c6c85d95e51885fa7ea69a49c33e5b8eebd550289977a28a7b7ee1b00206a84
    77df21be3005f6b183930a8a061334b886055855f538fbd562c18ee173270000000000000200000000010000000001
    20191023001636360022000bb735534fe8876fa29f90a23b9b8e15c9551018e742afed4440f873f4d60a1e95002200
    0b52c73b781753c28fb4431ed74b76962eddd05e3f78388b02b88235e7eb296546`,
  signature: `0018000b00202004a1906eea22d1ff8d6521e1c0533e26b55eae053da061a0fead867c0f4376002020f05391
    e8e12827791182774dd11d0f92b61211c37dea06c080a9c6262484cd`,
  nonce: '6a8477df21be3005f6b183930a8a061334b886055855f538fbd562c18ee17327',
};

test("a TPM's own certification verifies", () => {
  const bytes = (hex: string) => Buffer.from(hex.replaceAll(/\s/g, ''), 'hex');
  const { ak, object, attest, signature, nonce } = MADE_BY_TPM;
  const certification = { attest: bytes(attest), signature: bytes(signature) };
  const expected = { ak: bytes(ak), object: bytes(object), nonce: bytes(nonce) };
  const { clock, firmwareVersion } = check(certification, expected);
  assert.deepEqual(clock, { clock: 512n, resetCount: 1, restartCount: 0, safe: true });
  assert.equal(firmwareVersion, 0x2019102300163636n);
  refuses(() => check(certification, { ...expected, place: ENDORSEMENT }), /in another place/);
});
