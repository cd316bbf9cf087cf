import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import {
  approvalDigest,
  authorizePolicyDigest,
  authValuePolicyDigest,
  ekTemplate,
  nvPolicyDigest,
  orPolicyDigest,
  pcrPolicyDigest,
  secretPolicyDigest,
} from 'node-tpm2-pts';

const hex = (text: string) => Buffer.from(text, 'hex');
const sha256 = (text: string) => createHash('sha256').update(hex(text)).digest('hex');
const ZEROS = '00'.repeat(32);
const ENDORSEMENT = hex('4000000b');

/** TCG EK Credential Profile 2.5, B.6: PolicyA is PolicySecret, PolicyB is PolicyOR of it and of PolicyC, a PolicyAuthorizeNV. */
const PUBLISHED = [
  {
    hash: 'sha256',
    a: '837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa',
    b: 'ca3d0a99a2b93906f7a3342414efcfb3a385d44cd1fd459089d19b5071c0b7a0',
    c: '3767e2edd43ff45a3a7e1eaefcef78643dca964632e7aad82c673a30d8633fde',
  },
  {
    hash: 'sha384',
    a: '8bbf2266537c171cb56e403c4dc1d4b64f432611dc386e6f532050c3278c930e143e8bb1133824ccb431053871c6db53',
    b: 'b26e7d28d11a50bc53d882bcf5fd3a1a074148bb35d3b4e4cb1c0ad9bde419cacb47ba09699646150f9fc000f3f80e12',
    c: 'd6032ce61f2fb3c240eb3cf6a33237ef2b6a16f4293c22b455e261cffd217ad5b4947c2d73e63005eed2dc2b3593d165',
  },
] as const;

for (const { hash, a, b, c } of PUBLISHED) {
  test(`the policies of endorsement keys, as published for ${hash}`, () => {
    assert.equal(secretPolicyDigest(ENDORSEMENT, undefined, { hash }).toString('hex'), a);
    assert.equal(orPolicyDigest([hex(a), hex(c)], hash).toString('hex'), b);
  });
}

test('the template of endorsement keys has the published policies', () => {
  assert.equal(ekTemplate('rsa-2048').authPolicy.toString('hex'), PUBLISHED[0].a);
  assert.equal(ekTemplate('ecc-p384').authPolicy.toString('hex'), PUBLISHED[1].b);
});

test('PolicyAuthValue once and twice: the published digests', () => {
  // systemd's test of tpm2_calculate_policy_auth_value expects these, and go-tpm2's the first.
  assert.equal(
    authValuePolicyDigest().toString('hex'),
    '8fcd2169ab92694e0c633f1ab772842b8241bbc20288981fc7ac1eddc1fddb0e',
  );
  assert.equal(
    authValuePolicyDigest({ before: authValuePolicyDigest() }).toString('hex'),
    '759ebd5ed65100e0b4aa2d04b4b789c2672d92ecc9cdda4b5fa16a303132e008',
  );
});

test('PolicyAuthorize, PolicyNV: laid out as Part 3 says', () => {
  const name = `000b${'11'.repeat(32)}`;
  const ref = '7265666572656e6365';
  assert.equal(
    authorizePolicyDigest(hex(name), hex(ref)).toString('hex'),
    sha256(`${sha256(`${ZEROS}0000016a${name}`)}${ref}`),
  );
  assert.equal(approvalDigest(hex(ZEROS), hex(ref)).toString('hex'), sha256(`${ZEROS}${ref}`));
  // unsigned ≥ 5 at byte 4
  const comparison = { operation: 'uge', operand: hex('0005'), offset: 4 } as const;
  const args = sha256('000500040007');
  assert.equal(
    nvPolicyDigest(hex(name), comparison).toString('hex'),
    sha256(`${ZEROS}00000149${args}${name}`),
  );
});

test('policies add up in their order', () => {
  const pcr = pcrPolicyDigest(new Map([['sha256', new Map([[0, Buffer.alloc(32)]])]]));
  const both = authValuePolicyDigest({ before: pcr });
  assert.equal(both.toString('hex'), sha256(`${pcr.toString('hex')}0000016b`));
  const other = pcrPolicyDigest(
    new Map([['sha256', new Map([[0, Buffer.alloc(32)]])]]),
    'sha256',
    authValuePolicyDigest(),
  );
  assert.notDeepEqual(both, other);
});

test('what no TPM takes is refused', () => {
  const branch = Buffer.alloc(32);
  assert.throws(() => orPolicyDigest([branch]), /PolicyOR of 1 policies: 2 to 8/);
  assert.throws(() => orPolicyDigest(Array(9).fill(branch)), /2 to 8/);
  assert.throws(() => orPolicyDigest([branch, Buffer.alloc(48)]), /32 bytes of sha256/);
  assert.throws(() => authValuePolicyDigest({ before: Buffer.alloc(20) }), /20 bytes before it/);
});
