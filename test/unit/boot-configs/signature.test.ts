/** Signatures are made by openssl, as users make them. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { SignatureError, verifyDetachedSignature } from '../../../boot-configs/signature.ts';

const directory = mkdtempSync(join(tmpdir(), 'domb-signature-'));
after(() => rmSync(directory, { recursive: true }));
const path = (name: string): string => join(directory, name);
const openssl = (...args: string[]): Buffer => execFileSync('openssl', args, { stdio: 'pipe' });

const text = Buffer.from('version: 1\n');
writeFileSync(path('manifest'), text);

interface Kind {
  name: string;
  make: string[];
  sign: (key: string) => string[];
}

const dgst = (digest: string) => (key: string) => ['dgst', digest, '-sign', key];
const rawin = (key: string): string[] => ['pkeyutl', '-sign', '-rawin', '-inkey', key, '-in'];
const ec = (curve: string): string[] => [
  '-algorithm',
  'EC',
  '-pkeyopt',
  `ec_paramgen_curve:${curve}`,
];

const kinds: Kind[] = [
  { name: 'ed25519', make: ['-algorithm', 'ed25519'], sign: rawin },
  { name: 'p256', make: ec('P-256'), sign: dgst('-sha256') },
  { name: 'p384', make: ec('P-384'), sign: dgst('-sha384') },
];

function keys(name: string, make: string[]): { key: string; publicKey: Buffer } {
  const key = path(`${name}.pem`);
  openssl('genpkey', ...make, '-out', key);
  return { key, publicKey: openssl('pkey', '-in', key, '-pubout') };
}

for (const { name, make, sign } of kinds) {
  test(`${name}: what openssl signed is accepted, and nothing else`, () => {
    const { key, publicKey } = keys(name, make);
    const signature = openssl(...sign(key), path('manifest'));
    verifyDetachedSignature(text, signature, publicKey);
    const refuses = (changed: Buffer, by: Buffer, under = publicKey): void =>
      assert.throws(() => verifyDetachedSignature(changed, by, under), /signature is wrong/);
    refuses(Buffer.from('version: 2\n'), signature);
    refuses(Buffer.concat([text, Buffer.from('\n')]), signature);
    refuses(text, Buffer.alloc(0));
    refuses(text, signature.subarray(1));
    for (let at = 0; at < signature.length; at++) {
      const flipped = Buffer.from(signature);
      flipped[at] = (flipped[at] as number) ^ 1;
      refuses(text, flipped);
    }
    refuses(text, signature, keys(`${name}-other`, make).publicKey);
  });
}

test('keys that can not be used are refused by what they are', () => {
  const { key } = keys('private', ['-algorithm', 'ed25519']);
  const cases: [Buffer, RegExp][] = [
    [readFileSync(key), /a private key/],
    [Buffer.from('hello'), /not a public key/],
    [keys('rsa', ['-algorithm', 'RSA']).publicKey, /keys of the kind rsa/],
    [keys('p521', ec('P-521')).publicKey, /keys of the kind secp521r1/],
    [keys('x25519', ['-algorithm', 'x25519']).publicKey, /keys of the kind x25519/],
  ];
  for (const [publicKey, message] of cases) {
    assert.throws(
      () => verifyDetachedSignature(text, Buffer.alloc(64), publicKey),
      (error) =>
        error instanceof SignatureError && message.test(error.message) && error.hint !== '',
    );
  }
});
