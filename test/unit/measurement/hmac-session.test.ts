import assert from 'node:assert/strict';
import { createCipheriv, createHash, createHmac } from 'node:crypto';
import { test } from 'node:test';
import { HmacSession, kdfA, TpmSessionError } from 'node-tpm2-pts';

const UNSEAL = 0x15e;
const SALT = Buffer.alloc(32, 1);
const [CALLER, TPM_FIRST, TPM_NEXT] = [2, 3, 4].map((byte) => Buffer.alloc(32, byte)) as [
  Buffer,
  Buffer,
  Buffer,
];
const NAME = Buffer.from(`000b${'11'.repeat(32)}`, 'hex');
const PLAIN = Buffer.from('0006736563726574', 'hex'); // TPM2B "secret"

/** The TPM's side, written out as Part 1, 19 has it. */
const sessionKey = kdfA('sha256', SALT, 'ATH', TPM_FIRST, CALLER, 256);
const hmac = (password: string, ...parts: Buffer[]) =>
  createHmac('sha256', Buffer.concat([sessionKey, Buffer.from(password)]))
    .update(Buffer.concat(parts))
    .digest();
const sha256 = (...parts: Buffer[]) => createHash('sha256').update(Buffer.concat(parts)).digest();

function session(type: 'hmac' | 'policy' = 'hmac') {
  const nonces = { nonceCaller: CALLER, nonceTpm: TPM_FIRST };
  return new HmacSession({ handle: 0x02000000, type, hash: 'sha256', salt: SALT, ...nonces });
}

test('the command’s HMAC is over code, names, parameters, both nonces and attributes', () => {
  const used = session();
  const use = used.authorize('pass\0\0', { response: true });
  assert.equal(use.attributes, 0x41);
  const made = used.command(use, UNSEAL, [NAME], Buffer.alloc(0));
  const cpHash = sha256(Buffer.from('0000015e', 'hex'), NAME);
  assert.deepEqual(made.hmac, hmac('pass', cpHash, made.nonce, TPM_FIRST, Buffer.of(0x41)));
  assert.notDeepEqual(used.command(use, UNSEAL, [NAME], Buffer.alloc(0)).nonce, made.nonce);
});

test('a response is decrypted once its HMAC matches, and whatever is changed in it is refused', () => {
  const used = session();
  const made = used.command(used.authorize('pass', { response: true }), UNSEAL, [NAME], PLAIN);
  const key = Buffer.concat([sessionKey, Buffer.from('pass')]);
  const material = kdfA('sha256', key, 'CFB', TPM_NEXT, made.nonce, 256);
  const cipher = createCipheriv('aes-128-cfb', material.subarray(0, 16), material.subarray(16));
  const parameters = Buffer.concat([PLAIN.subarray(0, 2), cipher.update(PLAIN.subarray(2))]);
  const rpHash = sha256(Buffer.alloc(4), Buffer.from('0000015e', 'hex'), parameters);
  const attributes = 0x41;
  const answer = {
    nonce: TPM_NEXT,
    attributes,
    hmac: hmac('pass', rpHash, TPM_NEXT, made.nonce, Buffer.of(attributes)),
  };
  const changed = Buffer.from(parameters);
  changed.writeUInt8(changed.readUInt8(7) ^ 1, 7);
  const cleared = hmac('pass', rpHash, TPM_NEXT, made.nonce, Buffer.of(1));
  for (const [response, received] of [
    [answer, changed],
    [{ ...answer, nonce: TPM_FIRST }, parameters],
    [{ ...answer, attributes: 0x01 }, parameters],
    [{ ...answer, attributes: 0x01, hmac: cleared }, parameters],
    [{ ...answer, hmac: Buffer.alloc(0) }, parameters],
    [{ ...answer, hmac: Buffer.alloc(32) }, parameters],
  ] as const) {
    assert.throws(() => made.open(response, received), TpmSessionError);
  }
  assert.deepEqual(made.open(answer, parameters), PLAIN);
  // The next command has the TPM's new nonce in it.
  const next = used.command(used.authorize('pass'), UNSEAL, [NAME], Buffer.alloc(0));
  const cpHash = sha256(Buffer.from('0000015e', 'hex'), NAME);
  assert.deepEqual(next.hmac, hmac('pass', cpHash, next.nonce, TPM_NEXT, Buffer.of(1)));
});

test('a command’s first parameter is encrypted, the rest stays, and both are under the HMAC', () => {
  const used = session();
  const use = used.protect({ command: true });
  assert.equal(use.attributes, 0x21);
  const made = used.command(use, 0x153, [NAME], Buffer.concat([PLAIN, Buffer.from('rest')]));
  const material = kdfA('sha256', sessionKey, 'CFB', made.nonce, TPM_FIRST, 256);
  const cipher = createCipheriv('aes-128-cfb', material.subarray(0, 16), material.subarray(16));
  const first = Buffer.concat([PLAIN.subarray(0, 2), cipher.update(PLAIN.subarray(2))]);
  assert.deepEqual(made.parameters, Buffer.concat([first, Buffer.from('rest')]));
  const cpHash = sha256(Buffer.from('00000153', 'hex'), NAME, made.parameters);
  assert.deepEqual(made.hmac, hmac('', cpHash, made.nonce, TPM_FIRST, Buffer.of(0x21)));
});

test('what would protect nothing is refused', () => {
  assert.throws(() => session('policy').authorize('', { command: true }), RangeError);
  assert.throws(() => session('policy').protect({}), RangeError);
  const used = session();
  const use = used.protect({ command: true });
  for (const parameters of ['', '00', '000261']) {
    const bytes = Buffer.from(parameters, 'hex');
    assert.throws(() => used.command(use, 0x153, [], bytes), /no TPM2B/);
  }
});
