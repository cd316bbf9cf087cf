/** TPMs of guests that outlast the boot: two boots of one machine, with one TPM, the second of the next version of its manifest. */
import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { shutdown } from 'node-tpm2-pts';
import type { Parts } from '../../platform/demo/parts.ts';
import type { PlatformRun } from '../../platform/demo/platform-run.ts';
import { guestConfiguration } from '../../platform/demo/questions.ts';
import { compress } from '../../platform/images/compress.ts';
import { RootTree } from '../../platform/images/root-tree.ts';
import { runProgram } from '../../platform/lib/run.ts';
import type { Answer, Ask } from '../../platform/machine/answers.ts';
import { sendFiles, sentFiles } from '../../platform/machine/sent-files.ts';
import { commandsToRun } from '../documentation/run-commands.ts';
import { domb } from '../lib/domb.ts';
import { startSwtpm } from '../lib/swtpm.ts';
import {
  boot,
  exampleManifest,
  failedChecks,
  outputDirectory,
  parts,
  temporaryFile,
} from './support.ts';

const versions = ['this', 'next'] as const;
type Version = (typeof versions)[number];
const machines: Record<Version, string> = { this: 'vtpm-state', next: 'vtpm-state-next' };
const TPM_STATE = 'tpm-state';
/** Where dom0 keeps what it stores, in this test. */
const STATES = '/run/states';
const LOG = '/var/log/xen/console/guest-ledger.log';

/** The commands of docs/vtpm-state.md that a boot is needed for, each by its beginning. */
const { literal, notRun } = commandsToRun('test/boot/vtpm-state.test.ts');

let scratch: string;
let built: Parts;
const platforms = new Map<Version, PlatformRun>();
const answers = new Map<string, Answer>();
const said = (name: string): string => answers.get(name)?.output ?? assert.fail(`no ${name}`);
const run = (version: Version) => platforms.get(version) ?? assert.fail(`no boot of ${version}`);

const file = (name: string) => join(scratch, name);

before(async () => {
  const usual = await parts();
  built = { ...usual, images: new Map([...usual.images, await guestForDom0(usual)]) };
  scratch = await mkdtemp(join(tmpdir(), 'domb-vtpm-state-'));
  await prepareHost();
  await bootVersion('this', inThis);
  const [from, to] = [outputDirectory(machines.this), outputDirectory(machines.next)];
  await rm(to, { recursive: true, force: true });
  await cp(join(from, TPM_STATE), join(to, TPM_STATE), { recursive: true });
  await bootVersion('next', inNext);
});

after(() => rm(scratch, { recursive: true }));

/** What dom0 needs to start the guest anew as it was: the segment that gives it its TPM, as a file. */
const SEGMENT = 'guest-tpm-file.cpio.zst';
async function guestForDom0({ images }: Parts): Promise<[string, string]> {
  const root = new RootTree();
  await root.copy('/guest/guest-tpm.cpio.zst', images.get('guest-tpm.cpio.zst') ?? assert.fail());
  return [SEGMENT, await temporaryFile(SEGMENT, compress(root.archive()))];
}

async function succeeds(...argv: string[]): Promise<string> {
  const { status, out, error } = await domb(argv);
  assert.equal(status, 0, `domb ${argv.join(' ')}: ${error}`);
  return out;
}

/** What is done where manifests and images are, and with the machine before its first boot. */
async function prepareHost(): Promise<void> {
  const images = file('images');
  await mkdir(images);
  for (const [name, path] of built.images) await symlink(path, join(images, name));
  await runProgram('openssl', [
    ...['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
    ...['-out', file('approval.pem')],
  ]);
  const approver = await runProgram('openssl', ['pkey', '-in', file('approval.pem'), '-pubout']);
  const manifest = ofLedger(await exampleManifest('vtpm'), approver);
  await writeFile(file('this.yaml'), manifest);
  await writeFile(file('next.yaml'), manifest.replace('1GiB', '1088MiB'));
  for (const version of versions) {
    // Nothing measures what starts domB here: QEMU's loader does.
    const output = await succeeds(
      ...['approve', '--vtpm-state', '--for', file(`${version}.yaml`), '--images', images],
      ...['--policy', built.policy, '--without', 'launch-chain', '--pcrs', '13'],
      ...['--sign-with', file('approval.pem'), '-o', file(`${version}.vtpm`)],
    );
    assert.match(output, /sha256:13, by key 000b/);
  }
  const swtpm = await startSwtpm();
  try {
    const device = `unix:${swtpm.socket}`;
    const [, ...argv] = literal('domb vtpm-state setup this').split(' ');
    const named = argv.map((word) => (word === 'this.vtpm' ? file(word) : word));
    const set = await succeeds(...named, '--device', device);
    assert.match(set, /has its NV indexes: .*\n1 boot is approved/);
    const tpm = await swtpm.connect();
    await shutdown(tpm);
    await tpm.close();
    const state = join(outputDirectory(machines.this), TPM_STATE);
    await rm(outputDirectory(machines.this), { recursive: true, force: true });
    await cp(join(dirname(swtpm.socket), 'state'), state, { recursive: true });
    await rm(join(state, '.lock'), { force: true });
  } finally {
    await swtpm.stop();
  }
}

/** The example without its second guest, and with a TPM of the first that outlasts the boot. dom0 may start this one anew. */
function ofLedger(example: string, approver: string): string {
  const [platform = ''] = example.split('\n  - name: signer');
  const key = approver.trim().replaceAll('\n', '\n      ');
  const state = `platform:\n  vtpm_state:\n    approver: |\n      ${key}\n\ndefaults:`;
  return platform
    .replace('defaults:', state)
    .replace('guarded_t', 'domU_t')
    .replace('[dom0.cpio.zst, domb-command.cpio.zst', `$&, ${SEGMENT}`)
    .replace('vtpm: vtpm\n', 'vtpm: vtpm\n    vtpm_persistent: true\n');
}

async function bootVersion(version: Version, inDom0: (ask: DomainAsk) => Promise<void>) {
  const manifest = await readFile(file(`${version}.yaml`), 'utf8');
  const platform = await boot(machines[version], manifest, {
    ...{ parts: built, kept: [TPM_STATE] },
    converse: (ask) => inDom0(asking(version, ask)),
  });
  platforms.set(version, platform);
}

/** Has dom0 run a script, and keeps the answer as `VERSION NAME`. */
type DomainAsk = (name: string, script: string) => Promise<Answer>;

const asking =
  (version: Version, ask: Ask): DomainAsk =>
  async (name, script) => {
    const given = await ask(`vtpm-state-${name}`, script);
    answers.set(`${version} ${name}`, given);
    return given;
  };

const serve = `${literal('domb vtpm-state serve')} --directory ${STATES} </dev/null >>/run/serve.log 2>&1 &
echo $! >/run/serve.pid`;
/** Waits until a guest says something so often, two minutes at most. */
const until = (what: string, times = 1) => `
tries=0
until [ "$(grep -c '${what}' ${LOG})" -ge ${times} ] || [ $((tries += 1)) -gt 240 ]; do sleep 0.5; done`;
const tell = (line: string) =>
  `echo '${line}' >$(xenstore-read /local/domain/$(xl domid ledger)/console/tty)`;
const send = `rm -rf /run/sent; mkdir /run/sent && cp ${STATES}/list-* ${STATES}/state-* /run/sent && ${sendFiles('/run/sent')}`;

async function put(ask: DomainAsk, name: string, files: ReadonlyMap<string, Buffer>) {
  const script = [...files].map(
    ([path, bytes]) => `echo ${bytes.toString('base64')} | base64 -d >${STATES}/${path}`,
  );
  const clean = `mkdir -p ${STATES}; rm -f ${STATES}/list-* ${STATES}/state-*`;
  const { status, output } = await ask(name, [clean, ...script].join('\n'));
  assert.equal(status, 0, output);
}

async function inThis(ask: DomainAsk): Promise<void> {
  await ask('waits', `grep 'guest ledger' ${LOG}`);
  await ask('used', `${serve}\n${until('guest ledger: endorsement key')}\ncat ${LOG}`);
  await ask('older', send);
  await ask('keep', `${tell('keep a-secret')}\n${until('keeps a-secret')}\ntail -n 3 ${LOG}`);
  await ask('newest', send);
  // While dom0 stores nothing, what changes the TPM is not answered; afterwards it is.
  await ask(
    'stops',
    `kill $(cat /run/serve.pid)
${tell('keep another')}
sleep 6; grep -c 'keeps another' ${LOG}
${serve}
${until('keeps another')}
tail -n 3 ${LOG}`,
  );
  await ask('last', send);
  const approval = (await readFile(file('next.vtpm'))).toString('base64');
  const setUp = literal('domb vtpm-state setup next');
  await ask('approve', `cd /run && echo ${approval} | base64 -d >next.vtpm && ${setUp}`);
}

const configuration = guestConfiguration('ledger')
  .replace('memory = 128', 'memory = 160')
  .replace('/guest/guest.cpio.zst', '/run/ledger.cpio.zst')
  .replace('console=hvc0', '$& loglevel=5');
const offered = `
tries=0
until xenstore-ls -f | grep -q "/backend/vtpm/$(xl domid ledger)/0/state = .[24]" || [ $((tries += 1)) -gt 60 ]; do sleep 0.5; done
xl list`;

/** Has dom0 start the guest anew under the UUID that it had, until the vTPM domain offers it a TPM. */
const restart = `
uuid=$(xenstore-read /local/domain/$(xl domid ledger)/vm)
xl destroy ledger 2>&1
cat /guest/guest.cpio.zst /guest/guest-tpm.cpio.zst >/run/ledger.cpio.zst
cat >/run/again.cfg <<CONFIG
${configuration}
uuid = "\${uuid##*/}"
vtpm = ["backend=vtpm"]
CONFIG
xl create /run/again.cfg 2>&1
${offered}`;

/** The guest reboots, which makes it another domain, under the UUID of its configuration. */
const reboot = `
before=$(xl domid ledger)
xl reboot ledger 2>&1
tries=0
until now=$(xl domid ledger 2>/dev/null) && [ "$now" != "$before" ] || [ $((tries += 1)) -gt 120 ]; do sleep 0.5; done
${offered}`;

/** The guest becomes another domain in the middle of its life. */
const moved = `
xl save ledger /run/ledger.save 2>&1
xl restore /run/ledger.save 2>&1
rm /run/ledger.save
${until('restored or migrated')}
sleep 1
grep tpmfront ${LOG} | tail -n 3
xl list`;

async function inNext(ask: DomainAsk): Promise<void> {
  const stored = (name: string) => sentFiles(answers.get(`this ${name}`) ?? assert.fail(name));
  await put(ask, 'put-older', stored('older'));
  await ask(
    'older',
    `${serve}
tries=0
until grep 'it is older' /run/serve.log || [ $((tries += 1)) -gt 120 ]; do sleep 0.5; done
grep 'guest ledger' ${LOG}`,
  );
  await put(ask, 'put-last', stored('last'));
  await ask('used', `${until('guest ledger: endorsement key')}\ncat ${LOG}`);
  await ask('kept', `${tell('kept')}\n${until('it kept')}\ntail -n 3 ${LOG}`);
  await ask('restart', `${restart}\n${until('guest ledger: endorsement key', 2)}\ncat ${LOG}`);
  await ask('kept-again', `${tell('kept')}\n${until('it kept', 2)}\ntail -n 3 ${LOG}`);
  await ask('moved', moved);
  const reset = literal('domb vtpm-state reset');
  const anew =
    "tries=0; until grep 'is made anew' /run/serve.log || [ $((tries += 1)) -gt 60 ]; do sleep 0.5; done";
  await ask('reset', `${reset} --directory ${STATES}\n${reboot}\n${anew}`);
}

for (const version of versions) {
  test(`${version} version comes up`, () => {
    assert.deepEqual(failedChecks(run(version)), []);
  });
}

const keyOf = (name: string) => /endorsement key ([0-9a-f]{64})/.exec(said(name))?.[1];

test('a guest whose TPM outlasts the boot gets none until dom0 stores it', () => {
  assert.doesNotMatch(said('this waits'), /TPM 2/);
  assert.ok(keyOf('this used') !== undefined, said('this used'));
});

test('domB makes the key in the first approved boot, and has the same in the next version, which was approved before', () => {
  const step = (version: Version) => /open vtpm key: (.*?) \(/.exec(run(version).consoleText)?.[1];
  assert.equal(step('this'), 'made: TPMs that outlast the boot begin anew');
  assert.match(said('this approve'), /2 boots are approved/);
  assert.equal(step('next'), 'the one that was made before');
});

test('what a guest is told to be done is done only when dom0 has stored it', () => {
  assert.match(said('this keep'), /guest ledger: keeps a-secret/);
  assert.match(said('this stops'), /^0$/m);
  assert.match(said('this stops'), /guest ledger: keeps another/);
});

test('after a reboot, an older state is refused, in words', () => {
  assert.match(said('next older'), /the vTPM domain: the TPM of ledger waits: .*it is older/);
  assert.doesNotMatch(said('next older'), /TPM 2/);
  assert.match(
    run('next').consoleText,
    /vtpm: the TPM of ledger waits: what dom0 has of states is not what was stored last: it is older, or of another machine/,
  );
});

test('with the newest state the guest has its TPM again: its keys, and what was kept last', () => {
  assert.equal(keyOf('next used'), keyOf('this used'));
  assert.match(said('next kept'), /guest ledger: it kept another/);
});

test('its registers are of this boot', () => {
  assert.match(said('next used'), /PCR 15 was 0{64}/);
});

test('started anew by dom0, with the UUID that it had, the guest has its TPM again: its keys, and what it kept', () => {
  assert.doesNotMatch(said('next restart'), /libxl: error/);
  const keys = [...said('next restart').matchAll(/endorsement key ([0-9a-f]{64})/g)];
  assert.deepEqual(
    keys.map(([, key]) => key),
    [keyOf('this used'), keyOf('this used')],
  );
  assert.match(said('next kept-again'), /guest ledger: it kept another/);
  assert.match(run('next').consoleText, /vtpm: ledger is started anew, as domain \d+/);
  assert.doesNotMatch(said('next restart'), /made anew/);
  assert.doesNotMatch(run('next').consoleText, /has the UUID of ledger/);
});

test('restored as another domain, the guest has no TPM, and is told why, until it starts anew', () => {
  assert.match(said('next moved'), /^ledger +\d+ /m);
  assert.doesNotMatch(said('next moved'), /tpmfront ended/);
  assert.match(
    said('next moved'),
    /tpmfront: this guest was restored or migrated since its start: its TPM stayed where it was/,
  );
});

test('a TPM is made anew when dom0 says so, and only then', () => {
  const { consoleText } = run('next');
  assert.equal(
    consoleText.match(/vtpm: the TPM of ledger is made anew, as dom0 wants it/g)?.length,
    1,
  );
  assert.match(said('next reset'), /the vTPM domain: the TPM of ledger is made anew/);
});

/** Milliseconds, on a machine that has much else to do; a quiet one takes a tenth (vtpm/README.md, "What it costs"). */
const SOON = 10_000;

test('a guest that starts anew has its TPM soon', (t) => {
  const starts = run('next').consoleText.matchAll(
    /the TPM of domain (\d+) is ready after (\d+) ms/g,
  );
  // The first one waits for dom0's service, and for the newest state.
  const anew = [...starts].filter(([, domid]) => domid !== '1');
  assert.ok(anew.length >= 2, String(anew));
  for (const [line, , took] of anew) {
    t.diagnostic(line);
    assert.ok(Number(took) < SOON, line);
  }
});

test('every command of docs/vtpm-state.md that needs a boot was run', () => {
  assert.deepEqual([...notRun], []);
});
