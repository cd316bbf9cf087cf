import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeAttest, decodeQuote, nvName, TPMA_NV, TpmFormatError, Writer } from 'node-tpm2-pts';

const NAME = Buffer.from(`000b${'5a'.repeat(32)}`, 'hex');

/** A TPMS_ATTEST of this type, as Part 2, 10.12.12 lays it out. */
function attestation(type: number, attested: Writer): Buffer {
  return new Writer()
    .u32(0xff544347)
    .u16(type)
    .sized(NAME)
    .sized(Buffer.from('nonce'))
    .u64(1000n)
    .u32(7)
    .u32(2)
    .u8(1)
    .u64(0x2020n)
    .bytes(attested.toBuffer())
    .toBuffer();
}

const HEADER = {
  qualifiedSigner: NAME,
  extraData: Buffer.from('nonce'),
  clock: { clock: 1000n, resetCount: 7, restartCount: 2, safe: true },
  firmwareVersion: 0x2020n,
};
const OTHER = Buffer.from(`000b${'33'.repeat(32)}`, 'hex');
const certified = attestation(0x8017, new Writer().sized(OTHER).sized(NAME));
const nv = attestation(0x8014, new Writer().sized(OTHER).u16(8).sized(Buffer.from('bytes')));
const time = attestation(0x8019, new Writer().u64(5n).u64(6n).u32(1).u32(0).u8(0).u64(9n));
const quoted = attestation(
  0x8018,
  new Writer()
    .u32(1)
    .u16(0x0b)
    .u8(3)
    .bytes(Buffer.of(1, 0, 0))
    .sized(Buffer.alloc(32, 4)),
);

test('each kind of attestation says what it is about', () => {
  assert.deepEqual(decodeAttest(certified), {
    ...HEADER,
    type: 'certify',
    name: OTHER,
    qualifiedName: NAME,
  });
  assert.deepEqual(decodeAttest(nv), {
    ...HEADER,
    type: 'nv',
    indexName: OTHER,
    offset: 8,
    contents: Buffer.from('bytes'),
  });
  assert.deepEqual(decodeAttest(time), {
    ...HEADER,
    type: 'time',
    time: { time: 5n, clock: { clock: 6n, resetCount: 1, restartCount: 0, safe: false } },
    timeFirmwareVersion: 9n,
  });
  assert.deepEqual(decodeAttest(quoted), { ...decodeQuote(quoted), type: 'quote' });
});

test('cut, lengthened, of another kind or not made by a TPM: refused', () => {
  for (const bytes of [certified, nv, time, quoted]) {
    for (let length = 0; length < bytes.length; length++) {
      assert.throws(() => decodeAttest(bytes.subarray(0, length)), TpmFormatError);
    }
    assert.throws(() => decodeAttest(Buffer.concat([bytes, Buffer.alloc(1)])), /too many/);
  }
  assert.throws(() => decodeQuote(certified), /type 0x8017 is no quote/);
  assert.throws(() => decodeAttest(attestation(0x8015, new Writer())), /type 0x8015/);
  const outside = Buffer.from(certified);
  outside.writeUInt32BE(0xff544346);
  assert.throws(() => decodeAttest(outside), /not made by a TPM/);
});

test('the name of an NV index is of its attributes, too', () => {
  const area = {
    index: 0x01500020,
    nameAlgorithm: 'sha256',
    attributes: TPMA_NV.AUTH_READ,
    authPolicy: Buffer.alloc(0),
    size: 16,
  } as const;
  const written = { ...area, attributes: (area.attributes | TPMA_NV.WRITTEN) >>> 0 };
  assert.equal(nvName(area).length, 34);
  assert.notDeepEqual(nvName(area), nvName(written));
});
