import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  akTemplate,
  createAk,
  decodePublic,
  decodeSignature,
  ekTemplate,
  encodePublic,
  makeCredential,
  nvRead,
  objectName,
  type PublicArea,
  pcrPolicyDigest,
  publicKey,
  quote,
  readEkCertificate,
  readPublic,
  sealedTemplate,
  srkTemplate,
  startPolicySession,
  Tpm,
  Tpm2Error,
  TpmFormatError,
  tpm2ToolsPcrFile,
} from 'node-tpm2-pts';
import { SoftwareAk } from '../../lib/software-ak.ts';
import { frame } from '../../lib/tpm-simulator.ts';

const AREAS: PublicArea[] = [
  akTemplate('ecc-p256'),
  akTemplate('rsa-2048'),
  ekTemplate('ecc-p256'),
  ekTemplate('rsa-2048'),
  srkTemplate('ecc-p256'),
  sealedTemplate(Buffer.alloc(32, 5)),
];

test('public areas are the same after encoding and decoding', () => {
  for (const area of AREAS) assert.deepEqual(decodePublic(encodePublic(area)), area);
});

test('the AK template has the attributes of a restricted signing key', () => {
  assert.equal(akTemplate('ecc-p256').attributes, 0x00050072);
  assert.equal(ekTemplate('rsa-2048').attributes, 0x000300b2);
  assert.equal(
    encodePublic(akTemplate('ecc-p256')).toString('hex'),
    '0023000b00050072000000100018000b0003001000000000',
  );
});

test('a truncated or lengthened public area is refused', () => {
  for (const bytes of AREAS.map(encodePublic)) {
    for (let length = 0; length < bytes.length; length++) {
      assert.throws(() => decodePublic(bytes.subarray(0, length)), TpmFormatError);
    }
    assert.throws(() => decodePublic(Buffer.concat([bytes, Buffer.alloc(1)])), /too many/);
  }
});

test('whatever the bytes are, decoding and using a key ends in a key or in our own error', () => {
  const bytes = new SoftwareAk().publicArea;
  let refused = 0;
  for (let bit = 0; bit < 8 * bytes.length; bit++) {
    const changed = Buffer.from(bytes);
    changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    try {
      publicKey(decodePublic(changed));
    } catch (error) {
      assert.ok(error instanceof Tpm2Error, `bit ${bit}: ${error}`);
      refused++;
    }
  }
  assert.ok(refused > 8 * 64, 'each changed coordinate is off the curve');
});

test('kinds that are not known are refused by name', () => {
  const bytes = encodePublic(akTemplate('ecc-p256'));
  const changed = (offset: number, value: number) => {
    const copy = Buffer.from(bytes);
    copy.writeUInt16BE(value, offset);
    return copy;
  };
  const cases: [offset: number, value: number, message: RegExp][] = [
    [0, 0x25, /object type 0x25/],
    [2, 0x99, /nameAlg 0x99/],
    [10, 0x26, /symmetric cipher other than AES-CFB|needs/],
    [12, 0x1a, /scheme 0x1a/],
    [16, 0x20, /curve 0x20/],
    [18, 0x20, /key derivation scheme/],
  ];
  for (const [offset, value, message] of cases) {
    assert.throws(() => decodePublic(changed(offset, value)), message, `${offset}`);
  }
  assert.throws(() => decodeSignature(Buffer.from('0005000b0000', 'hex')), /scheme 0x5/);
});

test('a name is the name algorithm and the hash of the public area', () => {
  const bytes = encodePublic(akTemplate('ecc-p256'));
  assert.equal(objectName(bytes).length, 34);
  assert.equal(objectName(bytes).readUInt16BE(0), 0x0b);
});

test('a credential is made only for a storage key, and fits its digest', () => {
  const name = Buffer.alloc(34);
  const ak = new SoftwareAk().publicArea;
  assert.throws(() => makeCredential(ak, name, Buffer.alloc(8)), /no endorsement key/);
  const { key } = new SoftwareAk().area;
  const ek = encodePublic({
    ...ekTemplate('ecc-p256'),
    key: { ...key, aesBits: 128, signing: undefined } as PublicArea['key'],
  });
  assert.throws(() => makeCredential(ek, name, Buffer.alloc(33)), RangeError);
  const { blob, secret } = makeCredential(ek, name, Buffer.alloc(32));
  assert.equal(blob.length, 2 + 32 + 2 + 32);
  assert.equal(secret.length, 2 * (2 + 32));
});

test('the policy of no PCR values differs from that of some', () => {
  const one = pcrPolicyDigest(new Map([['sha256', new Map([[0, Buffer.alloc(32)]])]]));
  const two = pcrPolicyDigest(new Map([['sha256', new Map([[1, Buffer.alloc(32)]])]]));
  const bank = pcrPolicyDigest(new Map([['sha384', new Map([[0, Buffer.alloc(48)]])]]));
  assert.equal(new Set([one, two, bank].map((value) => value.toString('hex'))).size, 3);
});

test('a PCR file for tpm2-tools has one list for every eight digests', () => {
  const bank = (count: number) =>
    new Map(Array.from({ length: count }, (_, i) => [i, Buffer.alloc(32)]));
  const size = (count: number) => tpm2ToolsPcrFile(new Map([['sha256', bank(count)]])).length;
  assert.equal(size(8), 4 + 16 * 8 + 4 + (4 + 8 * 66));
  assert.equal(size(9), size(8) + (4 + 8 * 66));
});

test('truncated responses to any of the commands are refused', async () => {
  const answer = (hex: string, sessions: boolean, handle: boolean) => {
    const body = Buffer.from(hex, 'hex');
    const size = Buffer.alloc(4);
    size.writeUInt32BE(body.length);
    const area = Buffer.from('0000010000', 'hex');
    return frame(
      sessions ? 0x8002 : 0x8001,
      0,
      Buffer.concat([
        handle ? Buffer.from('80000000', 'hex') : Buffer.alloc(0),
        sessions ? Buffer.concat([size, body, area]) : body,
      ]),
    );
  };
  const commands: [string, (tpm: Tpm) => Promise<unknown>, boolean, boolean][] = [
    ['000a0a', (tpm) => quote(tpm, 1, Buffer.alloc(1), []), true, false],
    ['0002aabb0000', (tpm) => createAk(tpm), true, true],
    ['0002aa', (tpm) => readPublic(tpm, 1), false, false],
    ['0010aa', (tpm) => startPolicySession(tpm), false, true],
    ['000601500010', (tpm) => nvRead(tpm, 0x01500010), false, false],
    ['00040150', (tpm) => readEkCertificate(tpm, 'rsa-2048'), false, false],
  ];
  for (const [hex, run, sessions, handle] of commands) {
    const tpm = new Tpm({
      description: 'hostile',
      transmit: async () => answer(hex, sessions, handle),
      close: async () => {},
    });
    await assert.rejects(run(tpm), TpmFormatError, hex);
  }
});
