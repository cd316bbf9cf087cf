import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { cp, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  akTemplate,
  createPrimary,
  ekTemplate,
  encodePublic,
  flushContext,
  handles,
  objectName,
  readEkCertificate,
  TPM_RH,
  type Tpm,
  Writer,
} from 'node-tpm2-pts';
import { referenceFile } from '../../../measurement/evidence/reference.ts';
import { withAttestationKey } from '../../../measurement/keys/attestation-key.ts';
import { BOOT_LOG_FILE_NAME, MeasurementLog } from '../../../measurement/measurement-log.ts';
import { runProgram } from '../../../platform/lib/run.ts';
import { certifyTpm } from '../../../platform/machine/ek-certificates.ts';
import { type DombRun, domb, file } from '../../lib/domb.ts';
import { HYPERVISOR_ITEM, ITEMS, NONCE } from '../../lib/evidence.ts';
import { assertShape } from '../../lib/json-shape.ts';
import { SoftwareAk } from '../../lib/software-ak.ts';
import { type Swtpm, startSwtpm } from '../../lib/swtpm.ts';

let directory: string;
let swtpm: Swtpm;
let other: Swtpm;
const at = (name: string): string => join(directory, name);
const device = (): string[] => ['--device', `unix:${swtpm.socket}`];

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'domb-enroll-'));
  swtpm = await startSwtpm({ prepare: made('maker', 'manufacturers.pem') });
  other = await startSwtpm({ prepare: made('other-maker', 'other-roots.pem') });
  await withTpm(async (tpm) => {
    const log = await MeasurementLog.open({ tpm, pcr: 13, directory });
    for (const item of ITEMS) await log.measure(item);
    const name = BOOT_LOG_FILE_NAME;
    const bootLog = await MeasurementLog.open({ tpm, pcr: 12, directory, name });
    const key = await withAttestationKey(tpm, {}, async (ak) => ak.name.toString('hex'));
    await bootLog.measure(HYPERVISOR_ITEM);
    await bootLog.measure({ event: 'attestation-key', name: key });
    for (const each of [log, bootLog]) {
      await each.cap();
      await each.close();
    }
  });
  const { pcr, bootPcr } = { pcr: 13, bootPcr: 12 };
  const reference = referenceFile({ pcr, bootPcr, items: ITEMS, pcrs: new Map() });
  await writeFile(at('platform.reference'), reference);
  const openssl = (line: string) => execFileSync('openssl', line.split(' '), { cwd: directory });
  openssl('genpkey -algorithm ed25519 -out key.pem');
  openssl('pkey -in key.pem -pubout -out public.pem');
  openssl('pkeyutl -sign -rawin -inkey key.pem -in platform.reference -out platform.reference.sig');
  const quoted = await quote('evidence');
  assert.equal(quoted.status, 0, quoted.error);
});

after(async () => {
  await swtpm?.stop();
  await other?.stop();
  await rm(directory, { recursive: true });
});

const made = (maker: string, roots: string) => async (state: string) =>
  writeFile(at(roots), await certifyTpm(state, at(maker)));

async function withTpm<T>(use: (tpm: Tpm) => Promise<T>, which = swtpm): Promise<T> {
  const tpm = await which.connect();
  return use(tpm).finally(() => tpm.close());
}

const run = (...argv: string[]): Promise<DombRun> =>
  domb(argv, { cwd: directory, env: process.env });
const quote = (output: string, ...more: string[]) =>
  run('quote', '--nonce', NONCE.toString('hex'), '--logs', '.', '-o', output, ...device(), ...more);
const answer = (...more: string[]) => run('enroll', 'answer', 'challenge', ...device(), ...more);

async function challenge(...more: string[]): Promise<DombRun> {
  await rm(at('challenge.secret'), { force: true });
  const [evidence = 'evidence', ...options] = more;
  return run('enroll', 'challenge', evidence, ...options);
}

async function succeeds(command: Promise<DombRun>): Promise<string> {
  const { status, out, error } = await command;
  assert.deepEqual([status, error], [0, ''], out);
  return out;
}

async function fails(command: Promise<DombRun>, status: number, said: RegExp): Promise<void> {
  const result = await command;
  assert.match(result.error + result.out, said);
  assert.equal(result.status, status, result.error);
  assert.deepEqual(await leftInTpm(), [], 'nothing stays in the TPM');
}

/** What somebody left in the TPM: objects and sessions. */
const leftInTpm = () =>
  withTpm(async (tpm) =>
    (await Promise.all([0x80000000, 0x02000000].map((kind) => handles(tpm, kind)))).flat(),
  );

const roots = ['--ek-roots', 'manufacturers.pem'];
const tools = (line: string) => {
  const [command = '', ...args] = line.split(' ');
  const env = { ...process.env, TPM2TOOLS_TCTI: swtpm.tcti };
  return runProgram(command, args, { cwd: directory, env });
};

test('the commands of docs/verifying.md enrol a key, and its evidence is of the enrolled one', async () => {
  const page = await readFile(file('docs/verifying.md'), 'utf8');
  const commands = [...page.matchAll(/^ {4}domb (enroll (?!persist).*|verify .*--enrolled.*)$/gm)];
  assert.equal(commands.length, 4);
  const said: string[] = [];
  for (const [, line = ''] of commands) {
    const words = line.replace('$NONCE', NONCE.toString('hex')).split(' ');
    const { status, out, error } = await run(...words, ...(words[1] === 'answer' ? device() : []));
    // Without an EFI file nothing is known of what was started.
    assert.deepEqual([status, error], [words[0] === 'verify' ? 4 : 0, ''], line + out);
    said.push(out);
  }
  const [challenged = '', , checked = '', verdict = ''] = said;
  assert.match(challenged, /^attestation key {2}000b[0-9a-f]{64}$/m);
  assert.match(challenged, /vouched for by CN=swtpm-localca-rootca$/m);
  assert.match(checked, /^platform.enrolled: the enrolled/m);
  assert.match(verdict, /^ok {11}key: the enrolled one$/m);
  assert.match(verdict, /^NOT PROVEN: [^:]*: launch-chain$/m);
  assert.deepEqual(await leftInTpm(), []);

  // The challenge was for one use.
  await fails(run('enroll', 'check', 'answer'), 1, /challenge\.secret: .*ENOENT/);
});

test('the JSON of challenge and check is as documented', async () => {
  assertShape('enroll challenge', [await succeeds(challenge('evidence', ...roots, '--json'))]);
  await succeeds(answer());
  assertShape('enroll check', [await succeeds(run('enroll', 'check', 'answer', '--json'))]);
});

test('an endorsement key on P-384, by its certificate', async () => {
  await cp(at('evidence'), at('evidence-p384'), { recursive: true });
  const der = await withTpm((tpm) => readEkCertificate(tpm, 'ecc-p384'));
  await writeFile(at('evidence-p384/ek.der'), der as Buffer);
  await succeeds(challenge('evidence-p384', ...roots));
  await succeeds(answer());
  await succeeds(run('enroll', 'check', 'answer', '-o', 'p384.enrolled'));
  await fails(
    run(...['verify', 'evidence', '--nonce', NONCE.toString('hex'), '--enrolled', 'p384.enrolled']),
    3,
    /ek\.der is another certificate than the one that was enrolled/,
  );
});

test('an endorsement key that the verifier knows himself, on P-256', async () => {
  for (const format of ['tss', 'pem']) {
    await tools(`tpm2_createek -c ek.ctx -G ecc -u ek.${format} -f ${format}`);
    await tools('tpm2_flushcontext -t');
    const out = await succeeds(challenge('evidence', '--ek', `ek.${format}`));
    assert.match(out, /known to the verifier$/m);
    await succeeds(answer());
    await succeeds(run('enroll', 'check', 'answer'));
  }
  await fails(challenge('evidence', '--ek', 'evidence/ak.pub'), 1, /not of a standard template/);
  await fails(challenge('evidence', '--ek', 'manufacturers.pem'), 1, /certificate|key/);
  await fails(challenge('evidence', '--ek', 'ek.pem', ...roots), 2, /exclude each other/);
});

test('tpm2_activatecredential answers our challenge', async () => {
  await succeeds(challenge('evidence', ...roots));
  await tools('tpm2_createek -c ek.ctx -G rsa -u ek.pub');
  await tools('tpm2_flushcontext -t');
  await tools(
    'tpm2_createprimary -C e -g sha256 -G ecc256:ecdsa-sha256:null -c ak.ctx -a fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|sign',
  );
  await tools('tpm2_flushcontext -t');
  await tools('tpm2_startauthsession --policy-session -S session.ctx');
  await tools('tpm2_policysecret -S session.ctx -c e');
  await tools(
    'tpm2_activatecredential -c ak.ctx -C ek.ctx -P session:session.ctx -i challenge -o answer',
  );
  await tools('tpm2_flushcontext session.ctx');
  await tools('tpm2_flushcontext -t');
  await succeeds(run('enroll', 'check', 'answer'));
});

test("our answer is that of tpm2_makecredential's file", async () => {
  execFileSync('openssl', ['x509', '-inform', 'der', '-in', 'evidence/ek.der', '-out', 'ek.crt'], {
    cwd: directory,
  });
  await writeFile(
    at('ek.rsa'),
    execFileSync('openssl', ['x509', '-in', 'ek.crt', '-pubkey', '-noout'], { cwd: directory }),
  );
  await tools('tpm2_createek -c ek.ctx -G ecc -u ek.ecc');
  await tools('tpm2_flushcontext -t');
  const { ak: name } = JSON.parse(await succeeds(challenge('evidence', ...roots, '--json')));
  for (const [kind, file] of [
    ['-T none -G rsa', 'ek.rsa'],
    ['', 'ek.ecc'],
  ]) {
    await writeFile(at('s'), `a secret for ${file}`);
    await tools(
      `tpm2_makecredential ${kind} -u ${file} -s s -n ${name} -o challenge`.replace('  ', ' '),
    );
    await succeeds(answer());
    assert.deepEqual(await readFile(at('answer')), await readFile(at('s')));
  }
});

test('the answer to another challenge is refused, and the secret stays', async () => {
  await succeeds(challenge('evidence', ...roots));
  await succeeds(answer());
  await cp(at('answer'), at('first-answer'));
  await succeeds(challenge('evidence', ...roots));
  const refused = /the answer is not that of this challenge/;
  await fails(run('enroll', 'check', 'first-answer', '-o', 'wrong.enrolled'), 3, refused);
  await fails(run('enroll', 'check', 'manufacturers.pem', '-o', 'wrong.enrolled'), 3, refused);
  await assert.rejects(stat(at('wrong.enrolled')), /ENOENT/);
  await succeeds(answer());
  await succeeds(run('enroll', 'check', 'answer'));
});

test('a challenge for another key, for another TPM, or a changed one is not answered', async () => {
  const none = /cannot read the challenge: it is for another attestation key or another TPM/;
  // A key in software that says of itself that it is a TPM's.
  await cp(at('evidence'), at('forged'), { recursive: true });
  const key = new Writer().sized(new SoftwareAk().publicArea).toBuffer();
  await writeFile(at('forged/ak.pub'), key);
  await succeeds(challenge('forged', ...roots));
  await fails(answer(), 1, none);
  // The right key, and the certificate of another TPM.
  await cp(at('evidence'), at('mixed'), { recursive: true });
  for (const type of ['rsa-2048', 'ecc-p384'] as const) {
    const foreign = await withTpm((tpm) => readEkCertificate(tpm, type), other);
    await writeFile(at('mixed/ek.der'), foreign as Buffer);
    await fails(challenge('mixed', ...roots), 3, /not issued by any of the given authorities/);
    await succeeds(challenge('mixed', '--ek-roots', 'other-roots.pem'));
    await fails(answer(), 1, none);
  }
  await succeeds(challenge('evidence', ...roots));
  const good = await readFile(at('challenge'));
  for (const [place, said] of [
    [0, /not a challenge: /],
    [8, /not a challenge: /],
    [20, none],
    [good.length - 1, none],
  ] as const) {
    const changed = Buffer.from(good);
    changed.writeUInt8(changed.readUInt8(place) ^ 1, place);
    await writeFile(at('challenge'), changed);
    await fails(answer(), 1, said);
  }
  await writeFile(at('challenge'), good.subarray(0, -1));
  await fails(answer(), 1, /not a challenge: /);
});

test('a key that is not restricted, or no certificate, is not challenged', async () => {
  const template = akTemplate('ecc-p256');
  const attributes = template.attributes & ~(1 << 16);
  await cp(at('evidence'), at('unrestricted'), { recursive: true });
  const free = await withTpm(async (tpm) => {
    const made = await createPrimary(tpm, TPM_RH.ENDORSEMENT, { ...template, attributes });
    await flushContext(tpm, made.handle);
    return made.publicArea;
  });
  await writeFile(at('unrestricted/ak.pub'), new Writer().sized(free).toBuffer());
  await fails(
    challenge('unrestricted', ...roots),
    3,
    /ak\.pub: the key is no restricted signing key/,
  );
  const storage = encodePublic(ekTemplate('ecc-p256'));
  await writeFile(at('unrestricted/ak.pub'), new Writer().sized(storage).toBuffer());
  await fails(
    challenge('unrestricted', ...roots),
    3,
    /ak\.pub: the key is no restricted signing key/,
  );
  await writeFile(at('unrestricted/ak.pub'), 'x');
  await fails(challenge('unrestricted', ...roots), 1, /ak\.pub: not a TPM2B_PUBLIC/);
  await cp(at('evidence/ak.pub'), at('unrestricted/ak.pub'));
  // Under the right root, and of no endorsement key.
  const issuer = new X509Certificate(await readFile(at('maker/issuercert.pem')));
  await writeFile(at('unrestricted/ek.der'), issuer.raw);
  await fails(challenge('unrestricted', ...roots), 3, /is not one of an endorsement key/);
  await rm(at('unrestricted/ek.der'));
  await fails(challenge('unrestricted', ...roots), 3, /there is no ek\.der/);
});

test('a secret that waits for its answer is not lost', async () => {
  await succeeds(challenge('evidence', ...roots));
  const again = run('enroll', 'challenge', 'evidence', ...roots);
  await fails(again, 1, /challenge\.secret: there is one already/);
  await succeeds(run('enroll', 'challenge', 'evidence', ...roots, '--secret', 'second.secret'));
  await succeeds(answer());
  await fails(run('enroll', 'check', 'answer'), 3, /not that of this challenge/);
  await succeeds(run('enroll', 'check', 'answer', '--secret', 'second.secret'));
});

test('files that were edited are not believed', async () => {
  await succeeds(challenge('evidence', ...roots));
  const secret = await readFile(at('challenge.secret'), 'utf8');
  const record = await readFile(at('platform.enrolled'), 'utf8');
  const verify = () =>
    run(
      ...['verify', 'evidence', '--nonce', NONCE.toString('hex'), '--enrolled', 'edited.enrolled'],
    );
  const foreign = new SoftwareAk().publicArea.toString('hex');
  const { ak, ek, certificate } = JSON.parse(record);
  const otherEk = (await readFile(at('ek.tss'))).subarray(2);
  const exchanged = (text: string) =>
    text
      .replace(ek.public, otherEk.toString('hex'))
      .replace(ek.name, objectName(otherEk).toString('hex'));
  const cases: [change: (text: string) => string, said: RegExp][] = [
    [(text) => text.replace(ak.public, foreign), /the attestation key has another name/],
    [(text) => text.replace('"version":1', '"version":2'), /version 2, only 1 is known/],
    [(text) => text.replace('{"ak"', '{ "ak"'), /it was changed/],
    [(text) => text.replace('"ak":', '"aa":0,"ak":'), /it has not the members/],
    [(text) => text.replace(certificate.sha256, '00'), /the certificate has not the members/],
    [exchanged, /the certificate is of another endorsement key/],
    [(text) => text.slice(0, -20), /it is no JSON/],
    [() => '{}', /it is no domb-enrolled/],
    [() => '[]', /it is no domb-enrolled/],
    [() => 'null', /it is no JSON object/],
    [(text) => text.replace(/"challenged":"[^"]+"/, '"challenged":"yesterday"'), /when it was/],
  ];
  for (const [change, said] of cases) {
    await writeFile(at('edited.enrolled'), change(record));
    await fails(verify(), 1, said);
    const others = /not the secret of a challenge: /;
    await writeFile(at('edited.secret'), change(secret));
    if (change(secret) === secret) continue;
    await fails(run('enroll', 'check', 'answer', '--secret', 'edited.secret'), 1, others);
  }
  await fails(
    run('verify', 'evidence', '--boot', '--ak', 'evidence/ak.pub', '--enrolled', 'edited.enrolled'),
    2,
    /--ak and --enrolled exclude each other/,
  );
});

test('hierarchies with authorization values: they are asked for, and the key can be kept', async () => {
  await writeFile(at('endorsement.auth'), 'of the endorsement hierarchy\n');
  await writeFile(at('owner.auth'), 'of the owner');
  await tools('tpm2_changeauth -c e file:endorsement.auth');
  await tools('tpm2_changeauth -c o file:owner.auth');
  const [endorsement, owner] = [
    ['--endorsement-auth', 'endorsement.auth'],
    ['--owner-auth', 'owner.auth'],
  ];
  await succeeds(challenge('evidence', ...roots));
  const asked = /the endorsement hierarchy has an authorization value/;
  await fails(answer(), 1, asked);
  await fails(answer('--endorsement-auth', 'owner.auth'), 1, /TPM_RC_BAD_AUTH/);
  await succeeds(answer(...endorsement));
  await succeeds(run('enroll', 'check', 'answer', '-o', 'with-auth.enrolled'));
  await fails(quote('evidence-auth'), 1, asked);
  await succeeds(quote('evidence-auth', ...endorsement));
  assert.deepEqual(
    await readFile(at('evidence-auth/ak.pub')),
    await readFile(at('evidence/ak.pub')),
  );

  const persist = (...more: string[]) => run('enroll', 'persist', ...device(), ...more);
  await fails(persist(...owner), 1, asked);
  await fails(persist(...endorsement), 1, /TPM2_EvictControl: TPM_RC_BAD_AUTH/);
  await succeeds(persist(...endorsement, ...owner));
  assert.match(
    await succeeds(persist()),
    /^0x8101d0b0: attestation key [0-9a-f]{68}, kept before$/m,
  );
  await succeeds(quote('evidence-auth'));
  assert.deepEqual(
    await readFile(at('evidence-auth/ak.pub')),
    await readFile(at('evidence/ak.pub')),
  );
  // The credential of P-384 asks for no policy, but its key has to be made.
  await succeeds(challenge('evidence-p384', ...roots));
  await fails(answer(), 1, asked);
  await succeeds(answer(...endorsement));
  await fails(persist('--remove'), 1, /TPM_RC_BAD_AUTH/);
  assert.match(await succeeds(persist('--remove', ...owner)), /kept no more/);
  assert.match(await succeeds(persist('--remove', ...owner)), /there was none/);
  await fails(quote('evidence-auth'), 1, asked);

  await tools('tpm2_createprimary -C o -P file:owner.auth -c x.ctx');
  await tools('tpm2_evictcontrol -C o -P file:owner.auth -c x.ctx 0x8101d0b0');
  await tools('tpm2_flushcontext -t');
  await fails(
    persist(...endorsement, ...owner),
    1,
    /keeps something else than the attestation key/,
  );
  await fails(persist('--remove', ...owner), 1, /keeps something else than the attestation key/);
  await fails(quote('evidence-auth'), 1, asked);
});

test('an authorization value from standard input; what can be none', async () => {
  const value = await readFile(at('endorsement.auth'));
  const argv = ['enroll', 'answer', 'challenge', ...device(), '--endorsement-auth', '-'];
  await succeeds(domb(argv, { cwd: directory, stdin: value }));
  await fails(domb(argv, { cwd: directory, stdin: Buffer.alloc(65, 1) }), 1, /more than 64 bytes/);
  await writeFile(at('long'), Buffer.alloc(65, 1));
  await fails(answer('--endorsement-auth', 'long'), 1, /more than 64 bytes/);
  await fails(
    run('enroll', 'persist', ...device(), '--endorsement-auth', '-', '--owner-auth', '-'),
    2,
    /standard input can hold one value only/,
  );
});
