/** The commands of docs/vtpm.md, literally, where a guest's launch was measured into a real swtpm. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { nvRead } from 'node-tpm2-pts';
import { loadManifest } from '../../../boot-configs/load.ts';
import { launchItems } from '../../../daemon/plan/guest-launch.ts';
import { describeContent } from '../../../measurement/content.ts';
import { authorityOf, newAuthority } from '../../../measurement/guest-tpm/authority.ts';
import { CERTIFICATE_INDEX, certifyKeys } from '../../../vtpm/backend/certify.ts';
import { measureLaunch } from '../../../vtpm/backend/launch.ts';
import { PlatformIndexes } from '../../../vtpm/backend/platform-index.ts';
import { fromPage } from '../../documentation/extract.ts';
import { domb, dombProgram, file } from '../../lib/domb.ts';
import { MeasuredPlatform } from '../../lib/measured-platform.ts';
import { ramdiskWith } from '../../lib/ramdisk-with.ts';
import { type Swtpm, startSwtpm } from '../../lib/swtpm.ts';
import { elf, pvNotes } from '../../unit/boot-configs/elf-builder.ts';

const text = `version: 2
defaults: { type: pv, memory: 128MiB, kernel: vmlinux, xenstore: true }
domains:
  - name: dom0
    domid: 0
    seclabel: system_u:system_r:dom0_t
    capabilities: [control, hardware, xenstore]
    xenstore: false
  - { name: vtpm, domid: 0x7FE0, seclabel: 'system_u:system_r:vtpm_t' }
  - name: ledger
    domid: 1
    ramdisk: [one.cpio.zst, two.cpio.zst]
    cmdline: quiet
    seclabel: system_u:system_r:guarded_t
    vtpm: vtpm
    after: [vtpm]
`;
const UUID = '5d2b1f1e-8f0e-4c9e-9d0a-1c7a5f3e2b07';
const NONCE = '00112233445566778899aabbccddeeff';
const authority = newAuthority();

let directory: string;
let swtpm: Swtpm;
/** What the guest is a guest on. */
let platform: MeasuredPlatform;
let akCertificate: X509Certificate;
const at = (name: string) => join(directory, name);

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'domb-launch-'));
  for (const name of ['images', 'tools']) await mkdir(at(name));
  await symlink(dombProgram, at('tools/domb'));
  await writeFile(at('vtpm.yaml'), text);
  const images = {
    vmlinux: elf({ notes: pvNotes }),
    'one.cpio.zst': ramdiskWith('one'),
    'two.cpio.zst': ramdiskWith('another'),
  };
  for (const [name, bytes] of Object.entries(images)) await writeFile(at(`images/${name}`), bytes);
  const identity = { event: 'identity', domain: 'ledger', domid: 1, uuid: UUID } as const;
  platform = await MeasuredPlatform.make({
    ...{ manifest: at('vtpm.yaml'), images },
    bootItems: [
      identity,
      {
        ...{ event: 'vtpm-authority', domain: 'vtpm' },
        publicKey: authority.publicKey.toString('hex'),
      },
    ],
  });
  swtpm = await startSwtpm();
  const manifest = loadManifest(Buffer.from(text), 'vtpm.yaml');
  const domain = manifest.domains.find(({ name }) => name === 'ledger') ?? assert.fail();
  const predictable = await launchItems(domain, manifest, {
    image: async (path) => {
      const bytes = await readFile(at(`images/${path}`));
      return { description: () => describeContent(bytes) };
    },
  });
  const tpm = await swtpm.connect();
  await measureLaunch(await PlatformIndexes.of(tpm), { predictable, identity }, ['sha256']);
  const guest = { domain: 'ledger', domid: 1, uuid: UUID };
  const certification = {
    authority: authorityOf(authority),
    keys: ['ecc', 'ak'],
    guest,
  } as const;
  await certifyKeys(await PlatformIndexes.of(tpm), certification, ['sha256']);
  akCertificate = new X509Certificate(await nvRead(tpm, CERTIFICATE_INDEX.ak));
  await tpm.close();
});
after(async () => {
  await swtpm?.stop();
  await platform?.stop();
  await rm(directory, { recursive: true });
});

test('the log of the launch, its registers and their prediction agree, by the commands of docs/vtpm.md', async () => {
  const commands = fromPage('docs/vtpm.md', await readFile(file('docs/vtpm.md'), 'utf8'));
  const PATH = `${at('tools')}:${process.env.PATH}`;
  const env = { ...process.env, PATH, TPM2TOOLS_TCTI: swtpm.tcti, UUID, NONCE };
  await symlink(platform.at('evidence'), at('evidence'));
  await platform.quote(NONCE, 'evidence');
  const answers = new Map<string, string>();
  for (const { command } of commands) {
    // dom0's part, which is done.
    if (command.startsWith('domb quote')) continue;
    // A verdict that proves nothing ends with another status than 0.
    const run = promisify(execFile)('bash', ['-ec', command], { cwd: directory, env });
    const { stdout } = await run.catch((error) =>
      error.code === 4 ? { stdout: String(error.stdout) } : assert.fail(error),
    );
    answers.set(command, stdout);
  }
  const saidBy = (begin: string) =>
    [...answers].find(([command]) => command.startsWith(begin))?.[1] ?? assert.fail(begin);
  assert.match(saidBy('openssl verify'), /^ek\.pem: OK$/m);
  const certificates = await readFile(at('ek.pem'));
  assert.equal(new X509Certificate(certificates).subject, 'CN=ledger');
  // The last command about certificates shows one.
  assert.match(
    saidBy('openssl x509 -in ek.pem'),
    new RegExp(`Subject: CN = ledger\\n[^]*urn:uuid:${UUID}`),
  );
  const made = /^x: ([0-9a-f]{64})$/m.exec(saidBy('tpm2_createprimary -C'))?.[1] ?? '';
  const key = akCertificate.publicKey.export({ format: 'jwk' });
  assert.equal(Buffer.from(key.x ?? '', 'base64url').toString('hex'), made);
  for (const line of [
    'quote: signature, nonce and PCR values',
    'guest: its key is certified by the measured authority',
    `guest: ledger, domain 1, ${UUID}, system_u:system_r:guarded_t`,
    'guest: PCR 8 and 9 are those of what domB built it from',
  ]) {
    assert.ok(saidBy('domb verify evidence').includes(`ok           ${line}\n`), line);
  }
  // It is what the platform lacks here.
  assert.match(saidBy('domb verify evidence'), /NOT PROVEN: .*: key, launch-chain, dma\n$/);
  assert.match(saidBy('domb verify --nonce'), /NOT PROVEN: .*: guest-platform\n$/);
  const log = saidBy('tpm2_eventlog launch.log').toLowerCase();
  const registers = saidBy('tpm2_pcrread sha256:8,9').toLowerCase();
  const predicted = saidBy('domb predict').toLowerCase();
  const valueIn = (answer: string, pcr: number) =>
    new RegExp(`^ +${pcr} *:? +(?:0x)?([0-9a-f]{64})$`, 'm').exec(answer)?.[1];
  for (const pcr of [8, 9]) {
    assert.match(valueIn(registers, pcr) ?? '', /[1-9a-f]/, registers);
    assert.equal(valueIn(log, pcr), valueIn(registers, pcr), log);
    assert.equal(valueIn(predicted, pcr), valueIn(registers, pcr), predicted);
  }
  for (const what of ['kernel', 'ramdisk\\[0\\]', 'ramdisk\\[1\\]', 'cmdline', UUID]) {
    assert.match(predicted, new RegExp(what), predicted);
  }
});

const predict = (...options: string[]) =>
  domb(['predict', 'vtpm.yaml', '--images', 'images', ...options], { cwd: directory });

test('without a UUID nothing is said of the register that has it', async () => {
  const { status, out } = await predict('--guest', 'ledger');
  assert.equal(status, 0);
  assert.match(out, /^ {4} 8 {2}[0-9a-f]{64}$/m);
  assert.doesNotMatch(out, /^ {4} 9 /m);
  assert.match(out, /PCR 9 has the UUID of one boot: name it with --uuid/);
  assert.match((await predict('--guest', 'ledger', '--json')).out, /"type": "EV_SEPARATOR"/);
});

test('the banks are those of the domain that serves the TPM', async () => {
  await writeFile(
    at('vtpm.yaml'),
    text.replace('domid: 0x7FE0,', 'domid: 0x7FE0, cmdline: "domb.vtpm-banks=sha512,sha1",'),
  );
  const { out } = await predict('--guest', 'ledger');
  assert.deepEqual(
    [...out.matchAll(/^ {2}(sha\d+)$/gm)].map(([, bank]) => bank),
    ['sha1', 'sha512'],
  );
  await writeFile(at('vtpm.yaml'), text);
});

const refusals: [string, string[], RegExp, number][] = [
  ['nobody', ['--guest', 'legder'], /there is no domain legder\n {2}hint: choose from ledger/, 1],
  ['one without', ['--guest', 'vtpm'], /the manifest gives no vTPM to vtpm/, 1],
  ['no UUID', ['--guest', 'ledger', '--uuid', 'x'], /"x" is no UUID/, 2],
  ['a UUID alone', ['--uuid', UUID], /--uuid is of no use alone/, 2],
  ['more', ['--guest', 'ledger', '--banks', 'sha1'], /--banks is about the platform/, 2],
];
for (const [what, options, says, expected] of refusals) {
  test(`a prediction of a guest that names ${what} is refused`, async () => {
    const { status, error } = await predict(...options);
    assert.match(error, says);
    assert.equal(status, expected);
  });
}

const verify = (...options: string[]) =>
  domb(['verify', platform.at('evidence'), ...platform.expected, ...options], { cwd: directory });
const GUEST = ['--guest', 'guest', '--guest-name', 'ledger'];

test('with the gaps of the platform waived, platform and guest are proven in one verdict', async () => {
  const waived = ['--nonce', NONCE, '--waive', 'key,launch-chain,dma'];
  const { status, out } = await verify(...waived, ...GUEST);
  assert.equal(status, 0, out);
  assert.match(out, /\nPROVEN, with what was waived: key, launch-chain, dma\n$/);
  const other = await verify(...waived, '--guest', 'guest', '--guest-name', 'vtpm');
  assert.equal(other.status, 3);
  assert.match(other.out, /^WRONG {8}vtpm has no vTPM, as the platform's log says$/m);
});

test('the same as JSON', async () => {
  const { out } = await verify('--nonce', NONCE, ...GUEST, '--json');
  const { outcome, findings, guest } = JSON.parse(out);
  assert.equal(outcome, 'unproven');
  assert.ok(findings.length > 5);
  assert.equal(guest.domain, 'ledger');
  assert.deepEqual(guest.gaps, []);
  assert.ok(guest.findings.every(({ ok }: { ok: boolean }) => ok));
});

test("a guest's evidence is none of a platform's, nor a platform's one of a guest's", async () => {
  const options = ['--nonce', NONCE];
  const asPlatform = await domb(['verify', 'guest', ...options], { cwd: directory });
  assert.equal(asPlatform.status, 1);
  assert.match(asPlatform.error, /guest\/measurement\.log/);
  const asGuest = await verify(...options, '--guest', 'evidence', '--guest-name', 'ledger');
  assert.equal(asGuest.status, 1);
  assert.match(asGuest.error, /evidence\/ak\.der/);
});

test('an old quote of the guest is refused, whatever the platform has quoted', async () => {
  const fresh = 'ffeeddccbbaa99887766554433221100';
  await platform.quote(fresh, 'evidence');
  const { status, out } = await verify('--nonce', fresh, ...GUEST);
  assert.equal(status, 3);
  assert.match(out, /^WRONG {8}guest: quote refused: the nonce is not ours$/m);
});

for (const [what, options, says] of [
  ['a guest without a name', ['--nonce', NONCE, '--guest', 'guest'], /add --guest-name NAME/],
  ['a name alone', ['--nonce', NONCE, '--guest-name', 'ledger'], /add --guest DIR/],
  ['the quote of the boot', ['--boot', ...GUEST], /--guest needs a nonce/],
  [
    'an attestation result',
    ['--nonce', NONCE, ...GUEST, '--ear', 'key'],
    /--ear and --guest exclude/,
  ],
] as const) {
  test(`wrong usage: ${what}`, async () => {
    const { status, error } = await verify(...options);
    assert.equal(status, 2);
    assert.match(error, says);
  });
}

test('wrong usage: what is about a platform, without one; and nobody at all', async () => {
  const alone = ['verify', '--nonce', NONCE, ...GUEST, '--waive', 'key'];
  const waived = await domb(alone, { cwd: directory });
  assert.equal(waived.status, 2);
  assert.match(waived.error, /--waive is about the platform, and there is no evidence of one/);
  const nobody = await domb(['verify', '--nonce', NONCE], { cwd: directory });
  assert.equal(nobody.status, 2);
  assert.match(nobody.error, /EVIDENCE is missing/);
});
