import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { digest, type PcrValues } from 'node-tpm2-pts';
import {
  approvalFile,
  approve,
  readApproval,
  type StateApproval,
} from '../../../../measurement/sealing/approval.ts';
import { approverOf } from '../../../../measurement/sealing/approver-key.ts';
import { type Branch, sealedPolicy } from '../../../../measurement/sealing/sealed-policy.ts';

const values = (text: string): PcrValues =>
  new Map([['sha256', new Map([[4, digest('sha256', Buffer.from(text))]])]]);
const STATE = { source: 'p.yaml', values: values('a state'), label: 'disk' };

const keys = {
  'P-256': generateKeyPairSync('ec', { namedCurve: 'prime256v1' }),
  'P-384': generateKeyPairSync('ec', { namedCurve: 'secp384r1' }),
  'RSA 2048': generateKeyPairSync('rsa', { modulusLength: 2048 }),
};

for (const [name, { privateKey, publicKey }] of Object.entries(keys)) {
  test(`an approval by a key of ${name} is read back, and what is changed in it is refused`, () => {
    const approval = approve(privateKey, STATE);
    const pem = Buffer.from(publicKey.export({ type: 'spki', format: 'pem' }));
    assert.deepEqual(approval.approver, approverOf(pem, 'public.pem'));
    assert.deepEqual(readApproval(Buffer.from(approvalFile(approval))), approval);
    const signature = Buffer.from(approval.signature);
    signature.writeUInt8(signature.readUInt8(signature.length - 1) ^ 1, signature.length - 1);
    const changes: Partial<StateApproval>[] = [
      { values: values('another state') },
      { label: 'disc' },
      { signature },
      { approver: approve(keys['P-256'].privateKey, { ...STATE, label: '' }).signature },
    ];
    for (const change of changes) {
      const file = approvalFile({ ...approval, ...change });
      assert.throws(() => readApproval(Buffer.from(file)), /the signature is not that of the key/);
    }
  });
}

test('other files are refused in words', () => {
  const file = approvalFile(approve(keys['P-256'].privateKey, STATE));
  const changed = (members: object) =>
    Buffer.from(JSON.stringify({ ...JSON.parse(file), ...members }));
  for (const [bytes, what] of [
    [Buffer.from('\xff'), /no domb-approval/],
    [Buffer.from('[]'), /no domb-approval/],
    [changed({ format: 'domb-sealed' }), /no domb-approval/],
    [changed({ version: 2 }), /version 2/],
    [changed({ more: 1 }), /unknown member "more"/],
    [changed({ pcrs: {} }), /pcrs/],
    [changed({ pcrs: { sha256: {} } }), /pcrs is empty/],
    [changed({ pcrs: { sha256: { 24: '00'.repeat(32) } } }), /"24" is no PCR/],
    [changed({ pcrs: { sha256: { 4: '00' } } }), /PCR 4 is no value of sha256/],
    [changed({ pcrs: { sha1: { 4: '00'.repeat(20) }, sha256: {} } }), /one bank/],
    [changed({ label: 'x'.repeat(33) }), /label/],
    [changed({ source: '\u001b[2J' }), /source is no text/],
    [changed({ signature: 7 }), /signature is not in hex/],
  ] as const) {
    assert.throws(() => readApproval(bytes), what);
  }
});

test('keys that TPMs do not know are refused with the way to make one', () => {
  for (const pair of [
    generateKeyPairSync('ed25519'),
    generateKeyPairSync('ec', { namedCurve: 'secp256k1' }),
    generateKeyPairSync('rsa', { modulusLength: 1024 }),
  ]) {
    const pem = Buffer.from(pair.publicKey.export({ type: 'spki', format: 'pem' }));
    assert.throws(() => approverOf(pem, 'k.pem'), /k\.pem: TPMs check no signatures of such a key/);
  }
  assert.throws(() => approverOf(Buffer.from('no key'), 'k.pem'), /k\.pem: no such key/);
});

test('a policy is of one to eight states, each another one', () => {
  const states = Array.from({ length: 9 }, (_, index): Branch => {
    return { source: `${index}.yaml`, values: values(`state ${index}`) };
  });
  const policies = [1, 2, 8].map((count) => sealedPolicy(states.slice(0, count)).toString('hex'));
  assert.equal(new Set(policies).size, 3);
  assert.throws(() => sealedPolicy([]), /sealed to nothing/);
  assert.throws(() => sealedPolicy(states), /9 states: a TPM takes 8/);
  const again = { source: 'again.yaml', values: values('state 0') };
  assert.throws(
    () => sealedPolicy([...states.slice(0, 2), again]),
    /again\.yaml: the state is the same/,
  );
});
