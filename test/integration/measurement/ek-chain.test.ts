import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  activateCredential,
  createAk,
  createPrimary,
  decodePublic,
  ekTemplate,
  flushContext,
  makeCredential,
  password,
  readEkCertificate,
  TPM_RH,
  TpmError,
} from 'node-tpm2-pts';
import { ekChainProblems, readAuthorities } from '../../../measurement/evidence/ek-chain.ts';
import {
  collectEvidence,
  type Evidence,
  writeEvidence,
} from '../../../measurement/evidence/evidence.ts';
import { verifyEvidence } from '../../../measurement/evidence/verify.ts';
import { MeasurementLog } from '../../../measurement/measurement-log.ts';
import { runProgram } from '../../../platform/lib/run.ts';
import { certifyTpm } from '../../../platform/machine/ek-certificates.ts';
import { ITEMS, NONCE } from '../../lib/evidence.ts';
import { type Swtpm, startSwtpm } from '../../lib/swtpm.ts';
import { openIn, wrongIn } from '../../lib/verdict.ts';

let directory: string;
let swtpm: Swtpm;
let evidence: Evidence;
let eccCertificate: Buffer;
let root: X509Certificate;
let intermediate: X509Certificate;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'domb-ek-'));
  let roots = '';
  const prepare = async (state: string) => {
    roots = await certifyTpm(state, join(directory, 'authority'));
  };
  swtpm = await startSwtpm({ prepare });
  const tpm = await swtpm.connect();
  try {
    const log = await MeasurementLog.open({ tpm, pcr: 13, directory });
    for (const item of ITEMS) await log.measure(item);
    await log.cap();
    await log.close();
    const { banks } = log.target;
    evidence = await collectEvidence(tpm, { log: log.bytes(), pcrs: [13], banks, nonce: NONCE });
    eccCertificate = (await readEkCertificate(tpm, 'ecc-p384')) as Buffer;
  } finally {
    await tpm.close();
  }
  [root, intermediate] = authoritiesIn(roots);
});

after(async () => {
  await swtpm?.stop();
  await rm(directory, { recursive: true });
});

function authoritiesIn(roots: string): [root: X509Certificate, intermediate: X509Certificate] {
  return readAuthorities(Buffer.from(roots)) as [X509Certificate, X509Certificate];
}

const judge = (ekAuthorities: X509Certificate[], changed: Partial<Evidence> = {}) =>
  verifyEvidence(
    { ...evidence, ...changed },
    { nonce: NONCE, pcr: 13, items: ITEMS, ekAuthorities },
  );

test('an EK certificate under the given root is accepted, and what that does not show is said', () => {
  const verdict = judge([root, intermediate]);
  assert.deepEqual(wrongIn(verdict), []);
  assert.deepEqual(openIn(verdict), ['key', 'boot-log', 'launch-chain']);
  assert.match(verdict.gaps[0]?.says ?? '', /in the certificate's TPM/);
  assert.match(verdict.notes.join('\n'), /whether .* revoked/);
});

test('RSA or ECC: both keys have a certificate, and each is judged by its chain', async (t) => {
  const authorities = [root, intermediate];
  const kinds = [evidence.ekCertificate as Buffer, eccCertificate].map(
    (der) => new X509Certificate(der).publicKey.asymmetricKeyType,
  );
  assert.deepEqual(kinds, ['rsa', 'ec']);
  assert.deepEqual(wrongIn(judge(authorities, { ekCertificate: eccCertificate })), []);
  // Another manufacturer, whose authorities have the same names and other keys.
  const elsewhere = await mkdtemp(join(tmpdir(), 'domb-other-ca-'));
  t.after(() => rm(elsewhere, { recursive: true }));
  await mkdir(join(elsewhere, 'state'));
  const others = authoritiesIn(
    await certifyTpm(join(elsewhere, 'state'), join(elsewhere, 'authority')),
  );
  assert.deepEqual(
    others.map(({ subject }) => subject),
    authorities.map(({ subject }) => subject),
  );
  for (const ekCertificate of [evidence.ekCertificate as Buffer, eccCertificate]) {
    for (const wrong of [others, [root, others[1]]]) {
      assert.deepEqual(wrongIn(judge(wrong, { ekCertificate })), [
        'the EK certificate was not issued by any of the given authorities',
      ]);
    }
  }
});

test('the key on P-384 is the certified one, and activates a credential', async () => {
  const tpm = await swtpm.connect();
  try {
    const ek = await createPrimary(tpm, TPM_RH.ENDORSEMENT, ekTemplate('ecc-p384'));
    const { key } = decodePublic(ek.publicArea);
    const certified = new X509Certificate(eccCertificate).publicKey.export({ format: 'jwk' });
    assert.ok(key.type === 'ecc');
    assert.deepEqual(
      [key.x, key.y].map((half) => half.toString('base64url')),
      [certified.x, certified.y],
    );
    const ak = await createAk(tpm);
    const secret = Buffer.from('both are in one TPM');
    const credential = makeCredential(ek.publicArea, ak.name, secret);
    const options = { ek: password() };
    assert.deepEqual(
      await activateCredential(tpm, ak.handle, ek.handle, credential, options),
      secret,
    );
    const other = makeCredential(ek.publicArea, ek.name, secret);
    await assert.rejects(
      activateCredential(tpm, ak.handle, ek.handle, other, options),
      (error) => error instanceof TpmError && error.response.name === 'TPM_RC_INTEGRITY',
    );
    await flushContext(tpm, ak.handle);
    await flushContext(tpm, ek.handle);
  } finally {
    await tpm.close();
  }
});

test('a chain with a link or its root missing, or of somebody else, is refused', () => {
  assert.deepEqual(wrongIn(judge([root])), [
    'the EK certificate was not issued by any of the given authorities',
  ]);
  assert.deepEqual(wrongIn(judge([intermediate])), [
    'the certificate of "CN=swtpm-localca" was not issued by any of the given authorities',
  ]);
  assert.equal(judge([]).outcome, 'refused');
  const { ekCertificate: _, ...none } = evidence;
  assert.deepEqual(
    wrongIn(verifyEvidence(none, { nonce: NONCE, pcr: 13, ekAuthorities: [root, intermediate] })),
    ['there is no EK certificate'],
  );
});

test('a certificate for something else, an altered one, and one out of its time', () => {
  const authorities = [root, intermediate];
  assert.match(
    wrongIn(judge(authorities, { ekCertificate: intermediate.raw }))[0] ?? '',
    /is not one of an endorsement key/,
  );
  assert.match(
    wrongIn(judge(authorities, { ekCertificate: root.raw }))[0] ?? '',
    /is not one of an endorsement key/,
  );
  const der = evidence.ekCertificate as Buffer;
  let refused = 0;
  for (let i = 0; i < der.length; i += 7) {
    const altered = Buffer.from(der);
    altered.writeUInt8(altered.readUInt8(i) ^ 1, i);
    if (judge(authorities, { ekCertificate: altered }).outcome === 'refused') refused++;
  }
  assert.equal(refused, Math.ceil(der.length / 7));
  for (const time of ['1999-01-01', '+010000-01-02']) {
    const names = ekChainProblems(der, authorities, new Date(time)).map(
      (problem) => problem.split(' is valid from ')[0],
    );
    assert.deepEqual(names, [
      'the EK certificate',
      'the certificate of "CN=swtpm-localca"',
      'the certificate of "CN=swtpm-localca-rootca"',
    ]);
  }
});

test('authorities come as PEM, one or many, or as DER', async () => {
  const bundle = Buffer.from(`comment\n${root.toString()}\n${intermediate.toString()}`);
  assert.deepEqual(
    readAuthorities(bundle).map(({ fingerprint256 }) => fingerprint256),
    [root.fingerprint256, intermediate.fingerprint256],
  );
  assert.equal(readAuthorities(root.raw).length, 1);
  assert.throws(() => readAuthorities(Buffer.from('nothing')), /not certificates/);
});

test('the commands of docs/verifying.md enrol a key', async () => {
  const text = await readFile(new URL('../../../docs/verifying.md', import.meta.url), 'utf8');
  const section = text.split('### By hand, with tpm2-tools\n')[1]?.split('\n## ')[0] ?? '';
  const commands = section.split('\n').filter((line) => line.startsWith('    '));
  assert.equal(commands.filter((line) => /^ {4}(tpm2_|openssl)/.test(line)).length, 11);
  const at = join(directory, 'enrol');
  await mkdir(at);
  await writeFile(join(at, 'ek.der'), evidence.ekCertificate as Buffer);
  await writeFile(join(at, 'root.pem'), root.toString());
  await writeFile(join(at, 'intermediate.pem'), intermediate.toString());
  await writeEvidence(at, evidence);
  const env = { ...process.env, TPM2TOOLS_TCTI: swtpm.tcti };
  // swtpm has no resource manager: what a tool leaves in the TPM has to be flushed.
  const script = ['set -e', ...commands, 'cmp secret answer'].join('\n');
  const flushing = script.replaceAll(
    /^( {4}tpm2_create.*(\n {6}.*)*)$/gm,
    '$1\ntpm2_flushcontext -t',
  );
  await runProgram('bash', ['-c', flushing], { cwd: at, env });
});
