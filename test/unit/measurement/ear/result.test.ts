import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { calculateJwkThumbprint, exportJWK, importSPKI, jwtVerify } from 'jose';
import { earProfiles } from '../../../../measurement/ear/profiles.ts';
import { type EarContext, earClaims } from '../../../../measurement/ear/result.ts';
import { readResultKey, signClaims } from '../../../../measurement/ear/sign.ts';
import { compareItems } from '../../../../measurement/evidence/compare.ts';
import { earSchemas } from '../../../lib/ear-schemas.ts';
import { ITEMS } from '../../../lib/evidence.ts';
import { verdictOf } from './verdicts.ts';

const context: EarContext = {
  profile: earProfiles.veraison,
  verifier: { developer: 'domb', build: 'domb 0.1.0' },
  issuedAt: 1_700_000_000,
  nonce: Buffer.alloc(32, 7),
  policy: 'ni:///sha-256;abc',
};
const events = ITEMS.map((item, sequence) => ({ ...item, sequence }));
const verdicts = {
  proven: verdictOf({ events, compared: compareItems(ITEMS, ITEMS) }),
  waived: verdictOf({ events, waived: ['launch-chain'] }),
  unproven: verdictOf({ events, open: ['key', 'nonce'] }),
  refused: verdictOf({ wrong: ['quote'] }),
};

const keys = {
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  ES384: () => generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  EdDSA: () => generateKeyPairSync('ed25519'),
};
const pem = (key: { export(options: { type: 'pkcs8'; format: 'pem' }): string | Buffer }) =>
  Buffer.from(key.export({ type: 'pkcs8', format: 'pem' }));

for (const [algorithm, make] of Object.entries(keys)) {
  test(`a result signed with ${algorithm} is read back by jose`, async () => {
    const { privateKey, publicKey } = make();
    const claims = earClaims(verdicts.proven, context);
    const token = signClaims(claims, readResultKey(pem(privateKey), 'key.pem'));
    const spki = publicKey.export({ type: 'spki', format: 'pem' }).toString();
    const key = await importSPKI(spki, algorithm, { extractable: true });
    const { payload, protectedHeader } = await jwtVerify(token, key, { algorithms: [algorithm] });
    assert.deepEqual(payload, claims);
    assert.equal(protectedHeader.kid, await calculateJwkThumbprint(await exportJWK(key)));

    const [head = '', body = '', signature = ''] = token.split('.');
    const changed = Buffer.from(body, 'base64url').toString().replace('affirming', 'warning__');
    const forged = [head, Buffer.from(changed).toString('base64url'), signature].join('.');
    await assert.rejects(jwtVerify(forged, key), /signature verification failed/);
  });
}

test('other keys are refused', () => {
  const refused = (key: Buffer, says: RegExp) =>
    assert.throws(() => readResultKey(key, 'key.pem'), says);
  refused(pem(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey), /kind rsa/);
  refused(pem(generateKeyPairSync('ec', { namedCurve: 'P-521' }).privateKey), /kind secp521r1/);
  refused(randomBytes(64), /not a private key/);
});

test('results have the form that their profile asks for', () => {
  for (const [name, profile] of Object.entries(earProfiles)) {
    const validate = new Ajv2020().compile(earSchemas[name as keyof typeof earSchemas]);
    for (const [outcome, verdict] of Object.entries(verdicts)) {
      const claims = earClaims(verdict, { ...context, profile });
      assert.ok(validate(claims), `${name}, ${outcome}: ${JSON.stringify(validate.errors)}`);
      assert.ok(!validate({ ...claims, iat: 0.5 }));
    }
  }
});

test('the submodules are platform and one for each domain', () => {
  const { submods } = earClaims(verdicts.proven, context) as { submods: object };
  assert.deepEqual(Object.keys(submods), ['platform', 'domain:vtpm', 'domain:dom0']);
  const lost = earClaims(verdicts.refused, context) as { submods: object };
  assert.deepEqual(Object.keys(lost.submods), ['platform']);
});

test('a nonce that the standard would not have, and none, are left out', () => {
  for (const nonce of [undefined, Buffer.alloc(7)]) {
    assert.ok(!('eat_nonce' in earClaims(verdicts.proven, { ...context, nonce })));
  }
  const { eat_nonce: nonce } = earClaims(verdicts.proven, { ...context, nonce: Buffer.alloc(64) });
  assert.equal(String(nonce).length, 88);
});

test("the whole's status is the worst of its parts", () => {
  const status = (verdict: keyof typeof verdicts) =>
    earClaims(verdicts[verdict], { ...context, profile: earProfiles.ietf }).ear_status;
  assert.equal(status('proven'), 'affirming');
  assert.equal(status('waived'), 'warning');
  assert.equal(status('unproven'), 'warning');
  assert.equal(status('refused'), 'contraindicated');
});
