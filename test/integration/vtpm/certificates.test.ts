/** The certificates that a guest finds in its TPM, asked of real swtpm by stock tools and judged by openssl. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import {
  createPrimary,
  decodePublic,
  ekTemplate,
  flushContext,
  type HashAlgorithm,
  nvRead,
  nvUndefine,
  nvWrite,
  pcrRead,
  publicKey,
  readPublic,
  TPM_RH,
  TpmError,
} from 'node-tpm2-pts';
import type { LaunchItems } from '../../../measurement/guest-launch.ts';
import { authorityOf, newAuthority } from '../../../measurement/guest-tpm/authority.ts';
import { readGuestCertificate } from '../../../measurement/guest-tpm/certificate.ts';
import { AK_HANDLE } from '../../../measurement/keys/attestation-key.ts';
import { runProgram } from '../../../platform/lib/run.ts';
import {
  CERTIFICATE_INDEX,
  type Certification,
  certifyKeys,
} from '../../../vtpm/backend/certify.ts';
import { measureLaunch } from '../../../vtpm/backend/launch.ts';
import { PlatformIndexes } from '../../../vtpm/backend/platform-index.ts';
import { imageItem } from '../../lib/items.ts';
import { SharedTpm } from '../../lib/tpm2-tools.ts';

const BANKS: readonly HashAlgorithm[] = ['sha256'];
const made = newAuthority();
const guest = { domain: 'ledger', domid: 1, uuid: '5d2b1f1e-8f0e-4c9e-9d0a-1c7a5f3e2b07' };
const launch: LaunchItems = {
  predictable: [imageItem('ledger', 'kernel', Buffer.from('a kernel'))],
  identity: { event: 'identity', domain: 'ledger', domid: 1, uuid: guest.uuid },
};
const certification: Certification = {
  authority: authorityOf(made),
  keys: ['rsa', 'ecc', 'ak'],
  guest,
};

let shared: SharedTpm;
before(async () => {
  shared = await SharedTpm.start();
  await measureLaunch(await PlatformIndexes.of(shared.tpm), launch, BANKS);
  await certifyKeys(await PlatformIndexes.of(shared.tpm), certification, BANKS);
  const authority = new X509Certificate(made.certificate).toString();
  await writeFile(shared.file('authority.pem'), authority);
});
after(() => shared.stop());

const openssl = (...args: string[]) => runProgram('openssl', args, { cwd: shared.directory });
const verified = (file: string) =>
  openssl('verify', '-x509_strict', '-check_ss_sig', '-CAfile', 'authority.pem', file);

test('stock tpm2_getekcertificate gets both, and openssl verify reaches the authority', async () => {
  await shared.tool('tpm2_getekcertificate -o rsa.der -o ecc.der');
  for (const name of ['rsa', 'ecc']) {
    await openssl('x509', '-inform', 'der', '-in', `${name}.der`, '-out', `${name}.pem`);
    assert.match(await verified(`${name}.pem`), /OK/);
    const text = await openssl('x509', '-in', `${name}.pem`, '-noout', '-text');
    assert.match(text, /Issuer: CN = domb vTPM authority/);
    assert.match(text, /Subject: CN = ledger/);
    assert.match(text, /Extended Key Usage: *\n *2\.23\.133\.8\.1/);
    assert.match(text, /DirName:\/2\.23\.133\.2\.1=id:49424D00\/2\.23\.133\.2\.2=.*id:2/);
    assert.ok(text.includes(`URI:urn:uuid:${guest.uuid}`), text);
    const values = await pcrRead(shared.tpm, [{ bank: 'sha256', pcrs: [8, 9] }]);
    for (const [pcr, value] of values.get('sha256') ?? []) {
      assert.ok(text.includes(`"${pcr}":"${value.toString('hex')}"`), text);
    }
  }
});

test('the keys are those that stock tpm2_createek makes', async () => {
  for (const [name, type] of [
    ['rsa', 'rsa-2048'],
    ['ecc', 'ecc-p256'],
  ] as const) {
    const tool = `tpm2_createek -G ${name === 'rsa' ? 'rsa' : 'ecc'} -c ek.ctx -f pem -u ek.pem`;
    await shared.tool(tool);
    const certified = new X509Certificate(await nvRead(shared.tpm, CERTIFICATE_INDEX[name]));
    const found = await openssl('pkey', '-pubin', '-in', 'ek.pem', '-outform', 'pem');
    assert.equal(certified.publicKey.export({ type: 'spki', format: 'pem' }), found);
    const key = await createPrimary(shared.tpm, TPM_RH.ENDORSEMENT, ekTemplate(type));
    assert.ok(publicKey(decodePublic(key.publicArea)).equals(certified.publicKey));
    await flushContext(shared.tpm, key.handle);
  }
});

test('the attestation key is kept at its handle, and its certificate says that it is one', async () => {
  const { publicArea } = await readPublic(shared.tpm, AK_HANDLE);
  const der = await nvRead(shared.tpm, CERTIFICATE_INDEX.ak);
  const { certificate, kind, guest: stated } = readGuestCertificate(der, 'the certificate');
  assert.ok(certificate.publicKey.equals(publicKey(decodePublic(publicArea))));
  assert.equal(kind, 'ak');
  const { launch: values, ...itself } = stated;
  assert.deepEqual(itself, guest);
  assert.deepEqual(Object.keys(values?.sha256 ?? {}), ['8', '9']);
  await writeFile(shared.file('ak.pem'), certificate.toString());
  assert.match(await verified('ak.pem'), /OK/);
  assert.deepEqual(await nvRead(shared.tpm, CERTIFICATE_INDEX.authority), made.certificate);
});

test('the guest changes none of them, and takes none away', async () => {
  for (const index of Object.values(CERTIFICATE_INDEX)) {
    const before = await nvRead(shared.tpm, index);
    const refused = (error: unknown) => error instanceof TpmError;
    for (const by of [undefined, TPM_RH.OWNER]) {
      const access = by === undefined ? {} : { by };
      await assert.rejects(nvWrite(shared.tpm, index, Buffer.alloc(4), 0, access), refused);
    }
    await assert.rejects(nvUndefine(shared.tpm, index), refused);
    assert.deepEqual(await nvRead(shared.tpm, index), before);
  }
});

test("a certificate of another authority's is not reached", async () => {
  const other = new X509Certificate(newAuthority().certificate);
  await writeFile(shared.file('other.pem'), other.toString());
  await shared.tool('tpm2_getekcertificate -o rsa.der -o ecc.der');
  await openssl('x509', '-inform', 'der', '-in', 'ecc.der', '-out', 'ecc.pem');
  await assert.rejects(openssl('verify', '-CAfile', 'other.pem', 'ecc.pem'));
});

test('in the next boot the same keys are certified by its authority, whatever authorization their owner has set', async () => {
  const before = await nvRead(shared.tpm, CERTIFICATE_INDEX.ecc);
  await shared.tool('tpm2_changeauth -c e secret');
  await shared.tool('tpm2_changeauth -c o secret');
  const next = newAuthority();
  await certifyKeys(
    await PlatformIndexes.of(shared.tpm),
    { ...certification, authority: authorityOf(next) },
    BANKS,
  );
  for (const name of ['ecc', 'ak', 'rsa'] as const) {
    const der = await nvRead(shared.tpm, CERTIFICATE_INDEX[name]);
    const now = new X509Certificate(der);
    assert.ok(now.verify(new X509Certificate(next.certificate).publicKey));
    if (name === 'ecc') assert.ok(now.publicKey.equals(new X509Certificate(before).publicKey));
  }
});

test('of a domain that domB did not make, the certificate knows no name', async () => {
  const other = await SharedTpm.start();
  try {
    const { domain: _, ...known } = guest;
    await measureLaunch(await PlatformIndexes.of(other.tpm), undefined, BANKS);
    await certifyKeys(
      await PlatformIndexes.of(other.tpm),
      { ...certification, keys: ['ecc'], guest: known },
      BANKS,
    );
    const der = await nvRead(other.tpm, CERTIFICATE_INDEX.ecc);
    const { guest: stated, certificate } = readGuestCertificate(der, 'the certificate');
    assert.deepEqual(stated, known);
    assert.equal(certificate.subject, 'CN=domain 1\\, not made by domB');
    await assert.rejects(nvRead(other.tpm, CERTIFICATE_INDEX.ak));
  } finally {
    await other.stop();
  }
});
