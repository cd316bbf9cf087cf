import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { importSPKI, jwtVerify } from 'jose';
import { domb } from '../../lib/domb.ts';
import { earSchemas } from '../../lib/ear-schemas.ts';
import { MeasuredPlatform } from '../../lib/measured-platform.ts';

const NONCE = '00112233445566778899aabbccddeeff';
let platform: MeasuredPlatform;

before(async () => {
  platform = await MeasuredPlatform.make();
  const { status, error } = await platform.quote(NONCE, 'evidence');
  assert.equal(status, 0, error);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: platform.directory });
  for (const [name, ...options] of [
    ['ES256', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
    ['EdDSA', '-algorithm', 'ed25519'],
    ['RSA', '-algorithm', 'RSA'],
  ]) {
    openssl('genpkey', ...options, '-out', `${name}.pem`);
    openssl('pkey', '-in', `${name}.pem`, '-pubout', '-out', `${name}.pub`);
  }
});
after(() => platform?.stop());

const verify = (...options: string[]) =>
  domb(['verify', platform.at('evidence'), '--nonce', NONCE, ...options]);
const ear = (algorithm: string) => ['--ear', platform.at(`${algorithm}.pem`)];

/** What somebody reads who has the verifier's public key, by an independent library. */
async function read(token: string, algorithm: string) {
  const spki = await readFile(platform.at(`${algorithm}.pub`), 'utf8');
  const { payload } = await jwtVerify(token, await importSPKI(spki, algorithm));
  return payload as unknown as {
    iat: number;
    eat_nonce?: string;
    submods: Record<string, Record<string, unknown>>;
  };
}

const statuses = (claims: Awaited<ReturnType<typeof read>>, name = 'ear.status') =>
  Object.fromEntries(Object.entries(claims.submods).map(([label, each]) => [label, each[name]]));

test('an unproven verdict is a warning, signed, on standard output alone', async () => {
  const { status, out, error } = await verify(...platform.expected, ...ear('ES256'));
  assert.equal(status, 4, error);
  const claims = await read(out.trimEnd(), 'ES256');
  const validate = new Ajv2020().compile(earSchemas.veraison);
  assert.ok(validate(claims), JSON.stringify(validate.errors));
  assert.equal(claims.eat_nonce, Buffer.from(NONCE, 'hex').toString('base64'));
  assert.ok(Math.abs(claims.iat - Date.now() / 1000) < 60);
  assert.deepEqual(statuses(claims), {
    platform: 'warning',
    'domain:vtpm': 'warning',
    'domain:dom0': 'warning',
  });
  assert.deepEqual(claims.submods.platform?.['ear.trustworthiness-vector'], {
    'instance-identity': -33,
    configuration: 2,
    executables: 33,
  });
  assert.match(String(claims.submods.platform?.['ear.appraisal-policy-id']), /^ni:\/\/\/sha-256;/);
});

test('another image is contraindicated, in a file beside the text, with the names of the draft', async () => {
  const text = await readFile(platform.at('p.reference'), 'utf8');
  await writeFile(platform.at('other.reference'), text.replace('r:dom0_t', 'r:domU_t'));
  const { status, out } = await verify(
    ...['--reference', platform.at('other.reference'), '--allow-unsigned'],
    ...[...ear('EdDSA'), '--ear-profile', 'ietf', '--ear-out', platform.at('result.jwt')],
  );
  assert.equal(status, 3);
  assert.match(out, /^REFUSED/m);
  const claims = await read(await readFile(platform.at('result.jwt'), 'utf8'), 'EdDSA');
  const validate = new Ajv2020().compile(earSchemas.ietf);
  assert.ok(validate(claims), JSON.stringify(validate.errors));
  assert.equal(statuses(claims, 'ear_status').platform, 'contraindicated');
});

test('damaged evidence has a result too; what could not be judged has none', async () => {
  const file = platform.at('evidence/quote.pcrs');
  const bytes = await readFile(file);
  await writeFile(file, 'x');
  const damaged = await verify(...platform.expected, ...ear('ES256'));
  assert.equal(damaged.status, 3);
  const claims = await read(damaged.out.trimEnd(), 'ES256');
  assert.deepEqual(statuses(claims), { platform: 'contraindicated' });
  await rm(file);
  const missing = await verify(...platform.expected, ...ear('ES256'));
  assert.equal(missing.status, 1);
  assert.equal(missing.out, '');
  await writeFile(file, bytes);
});

test('keys and options that cannot be are told before anything is judged', async () => {
  const rsa = await verify(...ear('RSA'));
  assert.equal(rsa.status, 1);
  assert.match(rsa.error, /not signed with keys of the kind rsa/);
  for (const wrong of [
    ['--ear-out', 'x'],
    [...ear('ES256'), '--json'],
    [...ear('ES256'), '--ear-profile', 'nobody'],
  ]) {
    assert.equal((await verify(...wrong)).status, 2, wrong.join(' '));
  }
});
