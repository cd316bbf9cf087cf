import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  type Digests,
  digest,
  type HashAlgorithm,
  handles,
  pcrBanks,
  pcrExtend,
  startup,
  swtpmControl,
  type Tpm,
} from 'node-tpm2-pts';
import { approverOf } from '../../../measurement/sealing/approver-key.ts';
import { openPlatformKey } from '../../../measurement/vtpm-state/platform-key.ts';
import { runProgram } from '../../../platform/lib/run.ts';
import { commandsBy } from '../../documentation/table.ts';
import { domb, file } from '../../lib/domb.ts';
import { buildPe } from '../../lib/pe-builder.ts';
import { ramdiskWith } from '../../lib/ramdisk-with.ts';
import { type Swtpm, startSwtpm } from '../../lib/swtpm.ts';
import { elf, pvNotes } from '../../unit/boot-configs/elf-builder.ts';

const SECRET = Buffer.from([0, 1, 0xff, 10, ...Buffer.from('of thirty-two bytes, exactly')]);

let swtpm: Swtpm;
let directory: string;
const at = (name: string): string => join(directory, name);

interface PredictedEvent {
  pcr: number;
  digests: Record<string, string>;
}

/** Two versions of a platform: their manifests, images and EFI files. */
const versions = ['this', 'next'] as const;
type Version = (typeof versions)[number];
const events = new Map<Version, PredictedEvent[]>();
const reference = (version: Version) => `${at(version)}.reference`;
const chainOf = (version: Version) => [
  ...['--images', at(`${version}-images`), '--efi', at(`${version}.efi`), '--no-policy'],
];

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'domb-sealing-'));
  swtpm = await startSwtpm();
  for (const version of versions) {
    await mkdir(at(`${version}-images`));
    await writeFile(at(`${version}-images/vmlinux`), elf({ notes: pvNotes }));
    await writeFile(at(`${version}-images/vtpm.cpio.zst`), ramdiskWith('the vTPM'));
    await writeFile(at(`${version}-images/dom0.cpio.zst`), ramdiskWith(`domain 0, ${version}`));
    const contents = Buffer.from(`domB, ${version}`);
    await writeFile(at(`${version}.efi`), buildPe({ sections: [{ name: '.all', contents }] }));
    await cp(file('boot-configs/demo.yaml'), `${at(version)}.yaml`);
    const argv = ['predict', `${at(version)}.yaml`, ...chainOf(version)];
    const predicted = await domb([...argv, '--json', '--reference-out', reference(version)]);
    assert.equal(predicted.status, 0, predicted.error);
    events.set(version, JSON.parse(predicted.out).events);
  }
  for (const line of [
    'genpkey -algorithm ed25519 -out key.pem',
    'pkey -in key.pem -pubout -out public.pem',
    'genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out approval.pem',
    'pkey -in approval.pem -pubout -out approver.pem',
    ...versions.map(
      (name) =>
        `pkeyutl -sign -rawin -inkey key.pem -in ${name}.reference -out ${name}.reference.sig`,
    ),
  ]) {
    openssl(line);
  }
});

const openssl = (line: string) =>
  execFileSync('openssl', line.split(' '), { cwd: directory, stdio: 'pipe' });

after(async () => {
  await swtpm?.stop();
  await rm(directory, { recursive: true });
});

async function withTpm<T>(use: (tpm: Tpm) => Promise<T>): Promise<T> {
  const tpm = await swtpm.connect();
  try {
    return await use(tpm);
  } finally {
    await tpm.close();
  }
}

const digestsOf = ({ digests }: PredictedEvent): Digests =>
  new Map(
    Object.entries(digests).map(([bank, hex]) => [bank as HashAlgorithm, Buffer.from(hex, 'hex')]),
  );

/** Resets the TPM, and measures as a boot of that version does. What of it, is up to `kept`. */
async function boot(version: Version, kept: (event: PredictedEvent) => boolean = () => true) {
  await swtpmControl(swtpm.control).init();
  await withTpm(async (tpm) => {
    await startup(tpm, 'clear');
    for (const event of events.get(version) ?? []) {
      if (kept(event)) await pcrExtend(tpm, event.pcr, digestsOf(event));
    }
  });
}

const extend = (pcr: number, text: string) =>
  withTpm(async (tpm) => {
    const banks = (await pcrBanks(tpm)).map(({ bank }) => bank);
    await pcrExtend(
      tpm,
      pcr,
      new Map(banks.map((bank) => [bank, digest(bank, Buffer.from(text))])),
    );
  });

const device = () => ['--device', `unix:${swtpm.socket}`];
const signed = () => ['--key', at('public.pem')];
/** Where nothing may come to lie. */
const nowhere = 'nowhere';
const seal = (name: string, ...options: string[]) =>
  domb(['seal', '-o', at(name), ...device(), ...options], { stdin: SECRET });
const unseal = (name: string) => domb(['unseal', at(name), ...device()]);
const tool = (line: string) => {
  const [program = '', ...args] = line.split(' ');
  const env = { ...process.env, TPM2TOOLS_TCTI: swtpm.tcti };
  return runProgram(program, args, { cwd: directory, env });
};

async function opens(name: string): Promise<void> {
  const { status, out, error } = await unseal(name);
  assert.deepEqual({ status, error }, { status: 0, error: '' });
  assert.equal(out, SECRET.toString());
}

async function staysClosed(name: string, why: RegExp): Promise<void> {
  const { status, out, error } = await unseal(name);
  assert.deepEqual({ status, out }, { status: 3, out: '' }, error);
  assert.match(error, /^not opened: the platform is in no state that opens it\n/);
  assert.match(error, why);
}

test('sealed to a manifest, its images and its EFI file, it opens after that boot alone', async () => {
  await boot('next');
  const argv = ['--for', `${at('this')}.yaml`, ...chainOf('this')];
  const made = await seal('one', ...argv);
  assert.equal(made.status, 0, made.error);
  assert.match(made.out, /one: 32 bytes, sealed under storage key 000b[0-9a-f]{64}\n/);
  assert.match(made.out, /this\.yaml, sha256:4,13 \(not now: other values in PCR 4, 13\)\n$/);
  assert.match(made.error, /^warning: it is sealed to no state that the platform is in now/);
  await staysClosed(
    'one',
    /PCR 4 of sha256 holds [0-9a-f]{64}, not [0-9a-f]{64}\n.*PCR 13 of sha256/,
  );
  await boot('this');
  await opens('one');
  const again = await seal('again', ...argv);
  assert.match(again.out, /\(the present state\)/);
  assert.equal(again.error, '');
  // Whatever is extended afterwards closes it for this boot.
  await extend(13, 'more');
  await staysClosed('one', /PCR 13 of sha256/);
  assert.deepEqual(
    await withTpm((tpm) => handles(tpm, 0x80000000)),
    [],
    'nothing stays in the TPM',
  );
});

test('it stays closed for another kernel that replays what was measured, and before the cap', async () => {
  await seal('replay', ...signed(), '--reference', reference('this'));
  // PCR 12 and 13 have what a boot of domB leaves; PCR 4 has what firmware started instead.
  await boot('this', ({ pcr }) => pcr !== 4);
  await extend(4, 'another kernel');
  await staysClosed('replay', /^ {2}\S+: PCR 4 of sha256 holds/m);
  await loadSealed('replay');
  await assert.rejects(tool('tpm2_unseal -c replay.ctx -p pcr:sha256:4,13'), /policy check failed/);
  // Nor does it help to leave PCR 4 out, or to name it twice.
  await assert.rejects(tool('tpm2_unseal -c replay.ctx -p pcr:sha256:13'), /policy check failed/);
  const last = events.get('this')?.at(-1);
  await boot('this', (event) => event !== last);
  await staysClosed('replay', /^ {2}\S+: PCR 13 of sha256 holds/m);
});

/** Loads with tpm2-tools what `domb seal` wrote, as docs/sealing.md says. */
async function loadSealed(name: string): Promise<void> {
  const lines = documentedTools.slice(0, 3);
  for (const line of lines) await shell(line.replace(/sealed(?=\/|\.ctx)/g, name));
}

/** Runs a line of docs/sealing.md; without a resource manager, what it leaves loaded would fill the TPM. */
async function shell(line: string): Promise<string> {
  const env = {
    ...process.env,
    TPM2TOOLS_TCTI: swtpm.tcti,
    PATH: `${file('bin')}:${process.env.PATH}`,
  };
  const output = await runProgram('bash', ['-c', line], { cwd: directory, env });
  await tool('tpm2_flushcontext -t');
  return output;
}

const documentedHere = commandsBy('test/integration/cli/sealing.test.ts');
const isOurs = (line: string) => line.startsWith('domb ');
const documentedTools = documentedHere.filter((line) => !isOurs(line));
/** Those of docs/vtpm-state.md. */
const documentedApprovals = documentedHere.filter(isOurs);

test('tpm2-tools open it, and compute the same policy from the PCR file of "domb predict", as documented', async () => {
  await symlink(at('this-images'), at('images'));
  // Firmware without keys.
  await symlink('/usr/share/OVMF/OVMF_VARS_4M.fd', at('efivars'));
  const chain = ['--images', at('images'), '--efi', at('this.efi'), '--secure-boot', at('efivars')];
  const made = await seal('sealed', '--for', at('this.yaml'), ...chain);
  assert.equal(made.status, 0, made.error);
  const predicted = await domb(['predict', at('this.yaml'), ...chain, '--json']);
  await boot('this', () => false);
  await withTpm(async (tpm) => {
    for (const event of JSON.parse(predicted.out).events) {
      await pcrExtend(tpm, event.pcr, digestsOf(event));
    }
  });
  const said = new Map<string, string>();
  for (const line of documentedTools) said.set(line.split(' ')[0] ?? '', await shell(line));
  assert.equal(said.get('tpm2_unseal'), SECRET.toString());
  const policy = (await readFile(at('policy'))).toString('hex');
  assert.match(said.get('tpm2_print') ?? '', new RegExp(`authorization policy: ${policy}`));

  const argv = ['predict', at('this.yaml'), ...chain, '--pcr-file', at('pcrs')];
  const withReference = [...signed(), '--reference', reference('this')];
  const ofReference = await domb(['predict', ...withReference, '--pcr-file', at('of-reference')]);
  assert.deepEqual([ofReference.out, ofReference.error], ['sha256:4,13\n', '']);
  const { pcrs } = JSON.parse(await readFile(reference('this'), 'utf8'));
  assert.equal((await readFile(at('of-reference'))).toString('hex', 0, 32), pcrs.sha256[4]);
  const both = await domb([...argv, '--banks', 'sha384,sha256']);
  assert.equal(both.out, 'sha384:4,7,13+sha256:4,7,13\n');
  await tool('tpm2_pcrread -o held sha384:4,7,13+sha256:4,7,13');
  assert.deepEqual(await readFile(at('held')), await readFile(at('pcrs')));
});

test('sealed to this version and the next one, it opens after both, and so it does by tpm2-tools', async () => {
  const both = `${reference('this')},${reference('next')}`;
  assert.equal((await seal('two', ...signed(), '--reference', both)).status, 0);
  for (const version of versions) {
    await boot(version);
    await opens('two');
  }
  await loadSealed('two');
  const { branches } = JSON.parse(await readFile(at('two/sealed.json'), 'utf8'));
  for (const [index, { pcrs }] of branches.entries()) {
    const values = Object.values(pcrs.sha256 as Record<string, string>).join('');
    await writeFile(at('values'), Buffer.from(values, 'hex'));
    await tool('tpm2_startauthsession -S trial.ctx');
    await tool(`tpm2_policypcr -S trial.ctx -l sha256:4,13 -f values -L policy${index}`);
    await tool('tpm2_flushcontext trial.ctx');
  }
  await tool('tpm2_startauthsession --policy-session -S session.ctx');
  await tool('tpm2_policypcr -S session.ctx -l sha256:4,13');
  await tool('tpm2_policyor -S session.ctx sha256:policy0,policy1');
  assert.equal(await tool('tpm2_unseal -c two.ctx -p session:session.ctx'), SECRET.toString());
  await tool('tpm2_flushcontext session.ctx');
  await boot('this', ({ pcr }) => pcr !== 4);
  await staysClosed('two', /this\.reference: PCR 4 of .*\n.*next\.reference: PCR 4 of /);
  const once = await seal(
    nowhere,
    ...signed(),
    '--reference',
    `${reference('this')},${reference('this')}`,
  );
  assert.equal(once.status, 1);
  assert.match(once.error, /the state is the same as one before it/);
});

test('sealed to a key, it opens in the states that the key approved, for that label', async () => {
  const sealed = await seal('key', '--signed-by', at('approver.pem'), '--label', 'disk 1');
  assert.equal(sealed.status, 0, sealed.error);
  assert.match(sealed.out, /opens in states for "disk 1" that are approved by key 000b/);
  await boot('next');
  await staysClosed('key', /no approval of such a state lies beside it/);
  const approve = (version: Version, label: string, output: string) =>
    domb([
      ...['approve', ...signed(), '--reference', reference(version), '--label', label],
      ...['--sign-with', at('approval.pem'), '-o', at(output)],
    ]);
  await approve('next', 'disk 2', 'key/other.approval');
  await staysClosed('key', /no approval of such a state lies beside it/);
  await approve('this', 'disk 1', 'key/this.approval');
  await staysClosed('key', /this\.reference: PCR 4/);
  const approved = await approve('next', 'disk 1', 'key/next.approval');
  assert.match(approved.out, /next\.reference, sha256:4,13, by key 000b/);
  await opens('key');
  await boot('this');
  await opens('key');
  await boot('this', ({ pcr }) => pcr !== 4);
  await staysClosed('key', /PCR 4/);

  // Another key's word counts for nothing.
  openssl('genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out x.pem');
  await rm(at('key/next.approval'));
  await domb([
    ...['approve', ...signed(), '--reference', reference('next'), '--label', 'disk 1'],
    ...['--sign-with', at('x.pem'), '-o', at('key/next.approval')],
  ]);
  await boot('next');
  await staysClosed('key', /this\.reference: PCR 4/);
});

test('the approving key may be RSA, and stand beside states', async () => {
  openssl('genpkey -algorithm RSA -out rsa.pem');
  openssl('pkey -in rsa.pem -pubout -out rsa.pub');
  const options = ['--reference', reference('this'), '--signed-by', at('rsa.pub')];
  assert.equal((await seal('mixed', ...signed(), ...options)).status, 0);
  const approved = await domb([
    ...['approve', '--for', `${at('next')}.yaml`, ...chainOf('next')],
    ...['--sign-with', at('rsa.pem'), '-o', at('mixed/next.approval')],
  ]);
  assert.equal(approved.status, 0, approved.error);
  for (const version of versions) {
    await boot(version);
    await opens('mixed');
  }
});

test('what would protect nothing is refused, by seal, approve and predict', async () => {
  const withoutEfi = ['--for', `${at('this')}.yaml`, '--images', at('this-images'), '--no-policy'];
  const alone = /PCR 4, what firmware starts, has no known value .* any other kernel/;
  const predicting = ['predict', `${at('this')}.yaml`, ...withoutEfi.slice(2)];
  for (const run of [
    await seal(nowhere, ...withoutEfi),
    await domb(['approve', ...withoutEfi, '--sign-with', at('approval.pem'), '-o', at(nowhere)]),
    await domb([...predicting, '--pcr-file', at(nowhere)]),
    await domb([...predicting, '--pcrlock']),
  ]) {
    assert.equal(run.status, 1, run.out);
    assert.match(run.error, alone);
    assert.match(run.error, /--without launch-chain/);
  }
  const named = await seal('gap', ...withoutEfi, '--without', 'launch-chain');
  assert.match(named.out, /sha256:13 /);
  assert.equal(
    (await domb([...predicting, '--pcr-file', at('13'), '--without', 'launch-chain'])).out,
    'sha256:13\n',
  );

  // One that has values and no events, as somebody may have written it.
  const { events: _, ...known } = JSON.parse(await readFile(reference('this'), 'utf8'));
  const refused = async (pcrs: object, why: RegExp, ...options: string[]) => {
    const text = JSON.stringify({
      ...known,
      version: 1,
      pcrs: { sha256: { ...known.pcrs.sha256, ...pcrs } },
    });
    await writeFile(at('x.reference'), text);
    const made = await seal(
      nowhere,
      '--allow-unsigned',
      '--reference',
      at('x.reference'),
      ...options,
    );
    assert.equal(made.status, 1, made.out);
    assert.match(made.error, why);
  };
  await refused({ 4: '00'.repeat(32) }, /PCR 4 is empty: all zeros/);
  await refused({ 4: 'ff'.repeat(32) }, /PCR 4 is all ones/);
  await refused({}, /PCR 8 is unmeasured/, '--pcrs', '4,8,13');
  await refused(
    { 13: '11'.repeat(32) },
    /its value of PCR 13 .* is not the one that its items give/,
  );
  await refused({}, /no known value in bank sha512/, '--bank', 'sha512');
});

test('PCR 7 is demanded of a signed EFI file, and taken from a reference', async () => {
  const contents = Buffer.from('domB, signed');
  const shape = { sections: [{ name: '.all', contents }], certificates: Buffer.alloc(16, 1) };
  await writeFile(at('signed.efi'), buildPe(shape));
  const argv = ['--images', at('this-images'), '--no-policy', '--efi', at('signed.efi')];
  const claimed = await seal(nowhere, '--for', `${at('this')}.yaml`, ...argv);
  assert.equal(claimed.status, 1);
  assert.match(claimed.error, /PCR 7, state and keys of Secure Boot, has no known value/);
  const without = await seal(
    'six',
    '--for',
    `${at('this')}.yaml`,
    ...argv,
    '--without',
    'secure-boot',
  );
  assert.match(without.out, /sha256:4,13 /);
  const known = JSON.parse(await readFile(reference('this'), 'utf8'));
  known.pcrs.sha256[7] = digest('sha256', Buffer.from('keys')).toString('hex');
  await writeFile(at('7.reference'), JSON.stringify(known));
  const made = await seal('seven', '--allow-unsigned', '--reference', at('7.reference'));
  assert.match(made.out, /sha256:4,7,13 /);
});

test('a bank that the TPM does not have is refused', async () => {
  const other = await startSwtpm({
    prepare: (state) =>
      runProgram('swtpm_setup', ['--tpm2', '--tpmstate', state, '--pcr-banks', 'sha256']),
  });
  try {
    const argv = ['seal', '-o', at(nowhere), '--device', `unix:${other.socket}`, ...signed()];
    const sealing = [...argv, '--reference', reference('this'), '--bank', 'sha384'];
    const { status, error } = await domb(sealing, { stdin: SECRET });
    assert.equal(status, 1);
    assert.match(error, /the TPM has no PCRs in bank sha384; its banks are: sha256/);
  } finally {
    await other.stop();
  }
});

test('another TPM does not open it, nor does one whose owner was cleared', async () => {
  const other = await startSwtpm();
  try {
    await seal('foreign', ...signed(), '--reference', reference('this'));
    const { status, error } = await domb([
      'unseal',
      at('foreign'),
      '--device',
      `unix:${other.socket}`,
    ]);
    assert.equal(status, 3, error);
    const tpm = await other.connect();
    for (const event of events.get('this') ?? []) await pcrExtend(tpm, event.pcr, digestsOf(event));
    await tpm.close();
    const there = await domb(['unseal', at('foreign'), '--device', `unix:${other.socket}`]);
    assert.equal(there.status, 1);
    assert.match(there.error, /does not have the storage key that the secret was sealed under/);
  } finally {
    await other.stop();
  }
});

test("the platform's own storage key is used where it has one", async () => {
  await boot('this');
  await tool(
    'tpm2_createprimary -C o -g sha256 -G rsa2048:aes128cfb -c rsa.ctx -a fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|decrypt',
  );
  await tool('tpm2_evictcontrol -C o -c rsa.ctx 0x81000001');
  await tool('tpm2_flushcontext -t');
  await tool('tpm2_readpublic -c 0x81000001 -n name');
  const name = (await readFile(at('name'))).toString('hex');
  const made = await seal('kept', ...signed(), '--reference', reference('this'));
  assert.match(made.out, new RegExp(`sealed under storage key ${name}`));
  await opens('kept');
  // And one that was sealed before the platform had one.
  await opens('one');
  await tool('tpm2_evictcontrol -C o -c 0x81000001');
  // A key of another form there is not taken.
  await tool(
    'tpm2_createprimary -C o -G ecc256:ecdsa-sha256:null -c sign.ctx -a fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign',
  );
  await tool('tpm2_evictcontrol -C o -c sign.ctx 0x81000001');
  await tool('tpm2_flushcontext -t');
  await seal('made', ...signed(), '--reference', reference('this'));
  await opens('made');
  await tool('tpm2_evictcontrol -C o -c 0x81000001');
});

test('an owner with an authorization value: it is asked for where a key has to be made', async () => {
  await boot('this');
  await writeFile(at('owner'), 'of the owner');
  await tool('tpm2_changeauth -c o file:owner');
  const argv = [...signed(), '--reference', reference('this')];
  for (const run of [await seal('owned', ...argv), await unseal('one')]) {
    assert.equal(run.status, 1);
    assert.match(
      run.error,
      /the owner hierarchy has an authorization value, .*not kept at 0x81000001/,
    );
  }
  const made = await seal('owned', ...argv, '--owner-auth', at('owner'));
  assert.equal(made.status, 0, made.error);
  const opened = await domb(['unseal', at('owned'), ...device(), '--owner-auth', at('owner')]);
  assert.equal(opened.out, SECRET.toString());
  await writeFile(at('wrong'), 'of somebody');
  const wrong = await domb(['unseal', at('owned'), ...device(), '--owner-auth', at('wrong')]);
  assert.equal(wrong.status, 1);
  assert.match(wrong.error, /TPM_RC_(BAD_AUTH|AUTH_FAIL)/);
  await tool('tpm2_changeauth -c o -p file:owner');
  // A value that the hierarchy does not have any more is not in the way.
  await opens('owned');
  const stale = await domb(['unseal', at('owned'), ...device(), '--owner-auth', at('owner')]);
  assert.equal(stale.out, SECRET.toString());
});

test('secrets of another size, and damaged files, are refused', async () => {
  await boot('this');
  const argv = [
    'seal',
    '-o',
    at(nowhere),
    ...device(),
    ...signed(),
    '--reference',
    reference('this'),
  ];
  for (const [size, what] of [
    [0, /a secret of 0 bytes/],
    [129, /a secret of more than 128 bytes: a TPM seals 1 to 128/],
  ] as const) {
    const { status, error } = await domb(argv, { stdin: Buffer.alloc(size, 7) });
    assert.equal(status, 1);
    assert.match(error, what);
  }
  assert.ok(!existsSync(at(nowhere)), 'what is refused leaves nothing');
  const long = await domb(argv, { stdin: Buffer.alloc(128, 7) });
  assert.equal(long.status, 0, long.error);
  assert.equal((await unseal(nowhere)).out, Buffer.alloc(128, 7).toString());
  // A sealed secret may be the only way to a disk.
  const again = await domb(argv, { stdin: SECRET });
  assert.equal(again.status, 1);
  assert.match(again.error, /cannot write \S+: file already exists/);
  assert.equal((await unseal(nowhere)).out, Buffer.alloc(128, 7).toString());

  await cp(at('one'), at('damaged'), { recursive: true });
  const json = await readFile(at('two/sealed.json'));
  // What is wrong beside it keeps no state from opening it.
  await mkdir(at('damaged/folder.approval'));
  await writeFile(at('damaged/old.approval'), '{}');
  const beside = await unseal('damaged');
  assert.deepEqual([beside.status, beside.out], [0, SECRET.toString()], beside.error);
  assert.match(
    beside.error,
    /^ignored: \S+folder\.approval: not a regular file\nignored: \S+old\.approval: damaged/,
  );
  const sealed = { format: 'domb-sealed', version: 1, branches: [{ approver: '00', label: '' }] };
  await writeFile(at('damaged/sealed.json'), JSON.stringify(sealed));
  assert.match(
    (await unseal('damaged')).error,
    /sealed\.json: damaged, .*: approver is no key that approves/,
  );
  await writeFile(at('damaged/sealed.json'), json);
  assert.match(
    (await unseal('damaged')).error,
    /sealed\.json is not about the secret in sealed\.pub/,
  );
  await writeFile(at('damaged/sealed.json'), json.subarray(1));
  assert.match(
    (await unseal('damaged')).error,
    /damaged\/sealed\.json: damaged, or another kind of file/,
  );
  await rm(at('damaged/sealed.json'));
  assert.match((await unseal('damaged')).error, /sealed\.json: can't be read/);
});

/** What domB has when it asks the TPM for the key of TPMs' states, in a boot of that version, with or without its caps. */
async function keyIn(version: Version, capped: boolean) {
  const own = new Set((events.get(version) ?? []).filter(({ pcr }) => pcr >= 8));
  const caps = [...own].filter(
    (event) => [...own].findLast(({ pcr }) => pcr === event.pcr) === event,
  );
  await boot(version, (event) => capped || !caps.includes(event));
  const approver = approverOf(await readFile(at('approver.pem')), 'approver');
  return withTpm((tpm) => openPlatformKey(tpm, { approver, label: '' }));
}

test("a boot is approved to open the states of guests' TPMs up to its caps, and the next one before it boots", async () => {
  const sign = ['approve', '--vtpm-state', '--sign-with', at('approval.pem')];
  for (const line of documentedApprovals) await shell(line);
  assert.equal(documentedApprovals.length, 2);
  // By the manifest with its images it is the same approval, of a state; a signature is another one each time.
  const how = ['--for', `${at('next')}.yaml`, ...chainOf('next')];
  await succeeds(...sign, ...how, '-o', at('again.vtpm'));
  const [one, other] = await Promise.all(
    ['next.vtpm', 'again.vtpm'].map(async (name) => JSON.parse(await readFile(at(name), 'utf8'))),
  );
  assert.deepEqual(one.pcrs, other.pcrs);
  const none = await keyIn('this', false);
  assert.ok('missing' in none && /no NV index/.test(none.missing));
  const set = await succeeds('vtpm-state', 'setup', at('this.vtpm'), ...device());
  assert.equal(
    set,
    'the TPM has its NV indexes: the next approved boot makes the key\n1 boot is approved\n',
  );
  const made = await keyIn('this', false);
  assert.ok('key' in made && made.made);
  const capped = await keyIn('this', true);
  assert.ok('missing' in capped && /none of 1 approvals/.test(capped.missing));
  const early = await keyIn('next', false);
  assert.ok('missing' in early);
  assert.equal(
    await succeeds('vtpm-state', 'setup', at('next.vtpm'), ...device()),
    '2 boots are approved\n',
  );
  for (const version of versions) {
    const opened = await keyIn(version, false);
    assert.deepEqual(opened, { key: made.key, made: false });
  }
  await succeeds('vtpm-state', 'setup', '--anew', at('this.vtpm'), ...device());
  const anew = await keyIn('this', false);
  assert.ok('key' in anew && anew.made && !anew.key.equals(made.key));
});

test('what is approved for one use does not serve the other', async () => {
  const argv = ['--reference', reference('this'), '--key', at('public.pem')];
  const sign = ['--sign-with', at('approval.pem'), '-o', at('secret.approval')];
  await succeeds('approve', ...argv, ...sign);
  const other = await domb(['vtpm-state', 'setup', at('secret.approval'), ...device()]);
  assert.equal(other.status, 1);
  assert.match(other.error, /another kind of file: it is no domb-vtpm-approval/);
  const states = await domb([
    'approve',
    '--vtpm-state',
    ...argv,
    ...sign.slice(0, 3),
    '/nowhere/x',
  ]);
  assert.equal(states.status, 1);
});

test('a TPM is made anew by name, and nothing else is a name', async () => {
  const states = at('states');
  assert.match(
    await succeeds('vtpm-state', 'reset', 'ledger', '--directory', states),
    /ledger is made anew/,
  );
  assert.ok(existsSync(join(states, 'resets/ledger')));
  const wrong = await domb(['vtpm-state', 'reset', '../ledger', '--directory', states]);
  assert.equal(wrong.status, 2);
  assert.match(wrong.error, /is no name of a domain/);
});

test('without such guests there is nothing to serve', async () => {
  const record = { version: 1, hardwareDomid: 0, domains: [] };
  await writeFile(at('record.json'), JSON.stringify(record));
  const said = await succeeds('vtpm-state', 'serve', '--record', at('record.json'));
  assert.match(said, /^nothing to do: no guest of this boot/);
});

async function succeeds(...argv: string[]): Promise<string> {
  const { status, out, error } = await domb(argv);
  assert.equal(status, 0, `domb ${argv.join(' ')}: ${error}`);
  return out;
}
