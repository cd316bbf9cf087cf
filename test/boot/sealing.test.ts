import assert from 'node:assert/strict';
import { createHash, createPrivateKey } from 'node:crypto';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  type HashAlgorithm,
  hashById,
  hashId,
  pcrExtend,
  policyOr,
  policyPcr,
  selectionOf,
  shutdown,
  type Tpm,
  TpmError,
  withPolicySession,
} from 'node-tpm2-pts';
import { EVENT_TYPE, type LogEvent } from '../../measurement/event-log/format.ts';
import { parseEventLog } from '../../measurement/event-log/parse.ts';
import { authenticodeDigests } from '../../measurement/firmware/authenticode.ts';
import { EFI_EVENT_TYPE } from '../../measurement/firmware/pcr4.ts';
import { readSealed } from '../../measurement/sealing/sealed-files.ts';
import { branchPolicy } from '../../measurement/sealing/sealed-policy.ts';
import type { Parts } from '../../platform/demo/parts.ts';
import type { PlatformRun } from '../../platform/demo/platform-run.ts';
import { runBytes } from '../../platform/lib/run.ts';
import type { Answer, Ask } from '../../platform/machine/answers.ts';
import { consoleOptions } from '../../platform/machine/machine.ts';
import { sendFiles, sentFiles } from '../../platform/machine/sent-files.ts';
import { commandsToRun } from '../documentation/run-commands.ts';
import { Tree } from '../documentation/tree.ts';
import { domb, dombProgram } from '../lib/domb.ts';
import { startSwtpm } from '../lib/swtpm.ts';
import { boot, exampleManifest, failedChecks, outputDirectory, parts } from './support.ts';

const versions = ['this', 'next'] as const;
type Version = (typeof versions)[number];
/** Both boots are of one machine, with one TPM and one disk; each leaves its files in a directory of its own. */
const machines: Record<Version, string> = { this: 'sealing', next: 'sealing-next' };
const tpmState = 'tpm-state';
/** Bytes; LUKS2 keeps 16 MiB for its headers. */
const DISK_SIZE = 24 << 20;
const PASSPHRASE = 'for the day on which nothing else opens it';
const DATA = 'what dom0 keeps on its disk';

/** The commands of docs/sealing.md that a boot is needed for, each by its beginning. */
const { literal, notRun } = commandsToRun('test/boot/sealing.test.ts');
/** What Debian's package ovmf has for tests: a key, and a variable store that has it enrolled. */
const snakeoil = '/usr/share/ovmf/PkKek-1-snakeoil';
const enrolled = '/usr/share/OVMF/OVMF_VARS_4M.snakeoil.fd';

const openDisk = literal('domb unseal /boot/disk-key | cryptsetup open');

let built: Parts;
let scratch: string;
let tree: Tree;
const answers = new Map<string, Answer>();
const answer = (name: string): Answer => {
  const given = answers.get(name);
  assert.ok(given, `dom0 was not asked ${name}`);
  return given;
};
const platforms = new Map<Version, PlatformRun>();

before(async () => {
  built = await parts();
  scratch = await mkdtemp(join(tmpdir(), 'domb-sealing-'));
  await writeFile(join(scratch, 'disk'), Buffer.alloc(DISK_SIZE));
  await prepareHost();
  await rm(outputDirectory(machines.next), { recursive: true, force: true });
  await bootVersion('this', thisVersion);
  const [from, to] = [outputDirectory(machines.this), outputDirectory(machines.next)];
  await cp(join(from, tpmState), join(to, tpmState), { recursive: true });
  await bootVersion('next', nextVersion);
});

after(async () => {
  await tree?.remove();
  await rm(scratch, { recursive: true });
});

/** What is done where manifests and images are. */
async function prepareHost(): Promise<void> {
  const images = join(scratch, 'images');
  await mkdir(images);
  for (const [name, path] of built.images) await symlink(path, join(images, name));
  const approver = await vtpmApprover();
  const manifest = (await exampleManifest('minimal'))
    .replace('domains:', `${vtpmState(approver)}domains:`)
    .replace('dom0.cpio.zst', '[dom0.cpio.zst, domb-command.cpio.zst, cryptsetup.cpio.zst]')
    .replace('768MiB', '1GiB')
    .concat(vtpmAndGuest);
  tree = await Tree.make(manifest, images);
  // The same command, from the tree that also makes what is booted: the daemon's bundle names the places of its sources.
  await rm(join(tree.directory, 'tools/domb'));
  await symlink(dombProgram, join(tree.directory, 'tools/domb'));
  await enrolledKey();
  await writeFile(join(tree.directory, 'this.yaml'), manifest);
  await writeFile(join(tree.directory, 'next.yaml'), manifest.replace('1GiB', '1088MiB'));
  for (const key of [
    'genpkey -algorithm ed25519',
    'pkey -in key',
    'genpkey -algorithm EC',
    'pkey -in approval',
  ]) {
    await here(literal(`openssl ${key}`));
  }
  for (const version of versions) {
    // With a console that can be followed.
    await here(`${literal(`domb image ${version}`)} --xen-options '${consoleOptions.join(' ')}'`);
    await here(literal(`domb predict ${version}`));
    await here(literal(`openssl pkeyutl -sign -rawin -inkey key.pem -in ${version}`));
  }
  await here(literal('domb approve'));
  await prepareTpm();
}

/** Who approves boots for TPMs that last, with a key of its own, and where that is. */
const vtpmApproval = () => join(scratch, 'vtpm-approval.pem');
async function vtpmApprover(): Promise<string> {
  const curve = ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'];
  await runBytes('openssl', ['genpkey', ...curve, '-out', vtpmApproval()]);
  return String(await runBytes('openssl', ['pkey', '-in', vtpmApproval(), '-pubout']));
}

const vtpmState = (approver: string) =>
  `platform:\n  vtpm_state:\n    approver: |\n      ${approver.trim().replaceAll('\n', '\n      ')}\n\n`;

/** Whose key domB opens; nobody serves TPMs here (vtpm-state.test.ts). */
const vtpmAndGuest = `
  - name: vtpm
    domid: 0x7FE0
    type: pv
    memory: 96MiB
    kernel: vmlinux
    ramdisk: guest.cpio.zst
    cmdline: console=hvc0 loglevel=5 domb.name=vtpm
    seclabel: system_u:system_r:vtpm_t
    xenstore: true
    console: true
  - name: ledger
    domid: 1
    type: pv
    memory: 96MiB
    kernel: vmlinux
    ramdisk: guest.cpio.zst
    cmdline: console=hvc0 loglevel=5 domb.name=ledger
    seclabel: system_u:system_r:domU_t
    xenstore: true
    console: true
    vtpm: vtpm
    vtpm_persistent: true
    after: [vtpm]
`;

/** Makes the machine's TPM, with the indexes for TPMs that last, and both versions approved: by PCR 4, 7 and 13. */
async function prepareTpm(): Promise<void> {
  const swtpm = await startSwtpm();
  try {
    for (const version of versions) {
      const [reference, approval] = ['reference', 'vtpm'].map((kind) =>
        join(tree.directory, `${version}.${kind}`),
      ) as [string, string];
      const approve = await domb([
        ...['approve', '--vtpm-state', '--reference', reference],
        ...['--key', join(tree.directory, 'public.pem')],
        ...['--sign-with', vtpmApproval(), '-o', approval],
      ]);
      assert.equal(approve.status, 0, approve.error);
      assert.match(approve.out, /sha256:4,7,13, by key 000b/);
      const device = ['--device', `unix:${swtpm.socket}`];
      const setUp = await domb(['vtpm-state', 'setup', approval, ...device]);
      assert.equal(setUp.status, 0, setUp.error);
    }
    const tpm = await swtpm.connect();
    await shutdown(tpm);
    await tpm.close();
    const state = join(outputDirectory(machines.this), tpmState);
    await rm(outputDirectory(machines.this), { recursive: true, force: true });
    await cp(join(dirname(swtpm.socket), 'state'), state, { recursive: true });
    await rm(join(state, '.lock'), { force: true });
  } finally {
    await swtpm.stop();
  }
}

/** The key that OVMF has enrolled for tests, in the place of the one that signs EFI files. */
async function enrolledKey(): Promise<void> {
  const { key, certificate } = signingKey();
  const passphrase = 'snakeoil';
  const encrypted = await readFile(`${snakeoil}.key`, 'utf8');
  const plain = createPrivateKey({ key: encrypted, passphrase });
  await writeFile(key, plain.export({ type: 'pkcs8', format: 'pem' }));
  await cp(`${snakeoil}.pem`, certificate);
  await symlink(enrolled, join(tree.directory, 'efivars'));
}

const signingKey = () => ({
  key: join(tree.directory, 'db.key'),
  certificate: join(tree.directory, 'db.pem'),
});

async function here(command: string): Promise<void> {
  const { status, said } = await tree.run({ command, where: 'elsewhere' });
  assert.equal(status, 0, `${command}: ${said}`);
}

async function bootVersion(version: Version, inDom0: (ask: DomainAsk) => Promise<void>) {
  const manifest = await readFile(join(tree.directory, `${version}.yaml`), 'utf8');
  const platform = await boot(machines[version], manifest, {
    parts: built,
    firmware: { secureBoot: true, key: signingKey() },
    disk: join(scratch, 'disk'),
    kept: [tpmState],
    also: ['firmware-log'],
    converse: (ask) => inDom0(asking(version, ask)),
  });
  platforms.set(version, platform);
}

/** Has dom0 run a script where its files are, and keeps the answer as `VERSION NAME`. */
type DomainAsk = (name: string, script: string) => Promise<Answer>;

const asking =
  (version: Version, ask: Ask): DomainAsk =>
  async (name, script) => {
    const place = 'mkdir -p /run/reader /boot && cd /run/reader';
    const given = await ask(`sealing-${name}`, `${place} && { ${script}\n}`);
    answers.set(`${version} ${name}`, given);
    return given;
  };

/** Answers, at the keyboard, what a command asks for. */
const typing = (command: string) => `printf '%s\\n' '${PASSPHRASE}' | ${command}`;
/** Opens the disk, shows what is on it, and closes it. */
const opened = (command: string) =>
  `${command} && head -c ${DATA.length} /dev/mapper/data && cryptsetup close data`;

async function put(ask: DomainAsk, path: string, bytes: Uint8Array): Promise<void> {
  const text = Buffer.from(bytes).toString('base64');
  const name = `put-${path.replaceAll(/\W/g, '-')}`;
  const { status, output } = await ask(name, `echo ${text} | base64 -d >${path}`);
  assert.equal(status, 0, output);
}

/** The first boot: the disk is made, and sealed to it. */
async function thisVersion(ask: DomainAsk): Promise<void> {
  for (const name of ['this.reference', 'next.reference']) {
    for (const file of [name, `${name}.sig`]) {
      await put(ask, file, await readFile(join(tree.directory, file)));
    }
  }
  for (const file of ['public.pem', 'approver.pem']) {
    await put(ask, file, await readFile(join(tree.directory, file)));
  }
  await ask(
    'disk',
    'for i in $(seq 60); do [ -b /dev/nvme0n1 ] && break; sleep 1; done; ls -l /dev/nvme0n1',
  );
  await ask('format', typing(literal('cryptsetup luksFormat')));
  await ask('random', literal('head -c 32 /dev/urandom'));
  await ask('seal', literal('domb seal'));
  await ask('add', typing(literal('cryptsetup luksAddKey')));
  await ask('digest', 'sha256sum </run/disk-secret');
  await ask('remove', literal('rm /run/disk-secret'));
  await ask(
    'write',
    `${openDisk} && printf '%s' '${DATA}' >/dev/mapper/data && sync && cryptsetup close data`,
  );
  await ask('open', opened(openDisk));
  await ask('both', literal('domb unseal /boot/disk-key | domb seal'));
  await ask('disk-key', sendFiles('/boot/disk-key'));
  await ask('next-key', sendFiles('/boot/next-key'));
}

/** The second boot: another manifest, and an update once it is approved. */
async function nextVersion(ask: DomainAsk): Promise<void> {
  for (const directory of ['disk-key', 'next-key']) {
    await ask(`make-${directory}`, `mkdir /boot/${directory}`);
    for (const [name, bytes] of sentFiles(answer(`this ${directory}`))) {
      await put(ask, `/boot/${directory}/${name}`, bytes);
    }
  }
  await ask(
    'disk',
    'for i in $(seq 60); do [ -b /dev/nvme0n1 ] && break; sleep 1; done; ls -l /dev/nvme0n1',
  );
  await ask('unseal', 'domb unseal /boot/disk-key');
  await ask('closed', opened(openDisk));
  await ask('both', opened(openDisk.replace('disk-key', 'next-key')));
  const approval = await readFile(join(tree.directory, 'next.approval'));
  await put(ask, '/boot/disk-key/next.approval', approval);
  await ask('approved', opened(openDisk));
  await ask('passphrase', opened(typing(literal('cryptsetup open'))));
  await ask('dump', literal('cryptsetup luksDump'));
  await ask('kill', typing(literal('cryptsetup luksKillSlot')));
  await ask('killed', opened(openDisk));
}

for (const version of versions) {
  test(`${version} version comes up, with Secure Boot`, () => {
    assert.deepEqual(failedChecks(platforms.get(version) as PlatformRun), []);
  });
}

test('firmware starts what was approved, and domB opens the key of TPMs that last: the same in both versions', () => {
  const opened = versions.map((version) => {
    const text = platforms.get(version)?.consoleText ?? '';
    return /open vtpm key: (.*?) \(/.exec(text)?.[1];
  });
  assert.deepEqual(opened, [
    'made: TPMs that outlast the boot begin anew',
    'the one that was made before',
  ]);
});

test('a disk of dom0 is sealed to the boot, and opens after it', () => {
  for (const name of ['disk', 'format', 'random', 'seal', 'add', 'remove', 'write', 'both']) {
    const { status, output } = answer(`this ${name}`);
    assert.equal(status, 0, `${name}: ${output}`);
  }
  const { output } = answer('this seal');
  assert.match(output, /opens in this\.reference, sha256:4,7,13 \(the present state\)/);
  assert.match(output, /opens in states that are approved by key 000b/);
  assert.deepEqual(answer('this open'), { status: 0, output: DATA });
  assert.match(
    answer('this both').output,
    /next\.reference, sha256:4,7,13 \(not now: other values in PCR 4, 13\)/,
  );
});

test('it stays closed after a boot with another manifest, and dom0 is told why', () => {
  const { status, output } = answer('next unseal');
  assert.equal(status, 3, output);
  assert.match(output, /^not opened: the platform is in no state that opens it\n/);
  assert.match(
    output,
    /this\.reference: PCR 4 of sha256 holds .*\n.*this\.reference: PCR 13 of sha256/,
  );
  const closed = answer('next closed');
  assert.notEqual(closed.status, 0);
  assert.ok(!closed.output.includes(DATA), closed.output);
});

test('an update locks nobody out: sealed to both versions, or approved', () => {
  assert.deepEqual(answer('next both'), { status: 0, output: DATA });
  assert.deepEqual(answer('next approved'), { status: 0, output: DATA });
});

test('the passphrase opens it when nothing else does; a key slot that is removed opens it no more', () => {
  assert.deepEqual(answer('next passphrase'), { status: 0, output: DATA });
  assert.match(answer('next dump').output, /^ {2}1: luks2$/m);
  assert.equal(answer('next kill').status, 0, answer('next kill').output);
  const killed = answer('next killed');
  assert.notEqual(killed.status, 0);
  assert.match(killed.output, /No key available/);
});

/** What the first boot's logs say was extended, from reset on. */
async function goodBoot(): Promise<LogEvent[]> {
  const base64 = platforms.get('this')?.answers.output('firmware-log') ?? '';
  const evidence = join(outputDirectory(machines.this), 'evidence');
  const logs = [
    Buffer.from(base64, 'base64'),
    await readFile(join(evidence, 'measurement.log')),
    await readFile(join(evidence, 'boot.log')),
  ];
  return logs.flatMap((log) =>
    parseEventLog(log).events.filter(({ type }) => type !== EVENT_TYPE.NO_ACTION),
  );
}

interface Replayed {
  /** A directory with the sealed secret. */
  readonly sealed: string;
  /** What names the TPM to `domb`. */
  readonly device: readonly string[];
  connect(): Promise<Tpm>;
}

/** Resets the machine's TPM and extends these events, as whatever kernel runs there can. */
async function afterReplay(
  events: readonly LogEvent[],
  use: (replayed: Replayed) => Promise<void>,
) {
  const state = join(outputDirectory(machines.next), tpmState);
  const swtpm = await startSwtpm({ prepare: (to) => cp(state, to, { recursive: true }) });
  try {
    const sealed = await mkdtemp(join(scratch, 'replay-'));
    for (const [name, bytes] of sentFiles(answer('this disk-key'))) {
      await writeFile(join(sealed, name), bytes);
    }
    const tpm = await swtpm.connect();
    for (const { pcr, digests } of events) {
      const byBank = [...digests].map(
        ([id, value]) => [hashById(id) as HashAlgorithm, value] as const,
      );
      await pcrExtend(tpm, pcr, new Map(byBank));
    }
    await tpm.close();
    const device = ['--device', `unix:${swtpm.socket}`];
    await use({ sealed, device, connect: swtpm.connect });
  } finally {
    await swtpm.stop();
  }
}

test('the same events in the same TPM open the secret: what follows differs in PCR 4 alone', async () => {
  await afterReplay(await goodBoot(), async ({ sealed, device }) => {
    const secret = await runBytes(dombProgram, ['unseal', sealed, ...device]);
    const digest = createHash('sha256').update(secret).digest('hex');
    assert.ok(answer('this digest').output.startsWith(digest));
  });
});

for (const [what, file] of [
  ['another Xen below domB', () => built.xenEfi],
  ['a plain Linux that firmware started', () => built.bzImage],
] as const) {
  test(`${what}, which replays all that was measured, does not get the secret`, async () => {
    const banks: HashAlgorithm[] = ['sha1', 'sha256', 'sha384', 'sha512'];
    const other = await authenticodeDigests(file(), banks);
    const events = (await goodBoot()).map((event) =>
      event.type === EFI_EVENT_TYPE.BOOT_SERVICES_APPLICATION
        ? { ...event, digests: new Map([...other].map(([bank, value]) => [hashId(bank), value])) }
        : event,
    );
    await afterReplay(events, async ({ sealed, device, connect }) => {
      const { status, out, error } = await domb(['unseal', sealed, ...device]);
      assert.deepEqual({ status, out }, { status: 3, out: '' });
      const [, ...differing] = error.trimEnd().split('\n');
      assert.equal(differing.length, 1, error);
      assert.match(differing[0] ?? '', /this\.reference: PCR 4 of sha256 holds/);

      // Nor from the TPM itself, whatever our command thinks.
      const { branches } = await readSealed(sealed);
      const [first] = branches;
      assert.ok(first && 'values' in first);
      const tpm = await connect();
      const satisfied = withPolicySession(tpm, async (session) => {
        await policyPcr(tpm, session, selectionOf(first.values));
        await policyOr(tpm, session, branches.map(branchPolicy));
      });
      await assert.rejects(
        satisfied,
        (e) => e instanceof TpmError && e.response.name === 'TPM_RC_VALUE',
      );
      await tpm.close();
    });
  });
}

test('every command of docs/sealing.md that needs a boot was run', () => {
  assert.deepEqual([...notRun], []);
});
