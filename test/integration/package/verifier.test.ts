import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { writeEvidence } from '../../../measurement/evidence/evidence.ts';
import { referenceFile } from '../../../measurement/evidence/reference.ts';
import { bundleVerifier } from '../../../platform/package/verifier.ts';
import { type DombRun, domb, file } from '../../lib/domb.ts';
import { evidenceOf, ITEMS, NONCE } from '../../lib/evidence.ts';
import { nodesToTry } from '../../lib/other-nodes.ts';
import { buildPe } from '../../lib/pe-builder.ts';
import { ramdiskWith } from '../../lib/ramdisk-with.ts';
import { elf, pvNotes } from '../../unit/boot-configs/elf-builder.ts';

let directory: string;
let bundle: Awaited<ReturnType<typeof bundleVerifier>>;
const at = (name: string): string => join(directory, name);

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'domb-verifier-'));
  bundle = await bundleVerifier();
  await writeFile(at('domb-verify.cjs'), bundle.program, { mode: 0o755 });
  const evidence = evidenceOf();
  await writeEvidence(at('evidence'), evidence);
  await writeEvidence(at('other-key'), evidenceOf());
  await writeEvidence(at('no-boot-log'), evidence);
  await rm(at('no-boot-log/boot.log'));
  await writeEvidence(at('damaged'), evidence);
  await writeFile(at('damaged/ak.pub'), 'x');
  await writeFile(at('cut.log'), evidence.log.subarray(0, -40));
  const reference = { pcr: 13, bootPcr: 12, items: ITEMS, pcrs: new Map() };
  await writeFile(at('reference'), referenceFile(reference));
  await writeFile(at('other-reference'), referenceFile({ ...reference, items: ITEMS.slice(1) }));
  await writeFile(at('vmlinux'), elf({ notes: pvNotes }));
  await writeFile(at('vtpm.cpio.zst'), ramdiskWith('the vTPM'));
  await writeFile(at('dom0.cpio.zst'), ramdiskWith('domain 0'));
  await writeFile(at('boot.efi'), buildPe());
});
after(() => rm(directory, { recursive: true }));

const runVerifier = (node: string, argv: readonly string[], ...before: string[]) =>
  domb(argv, { program: [node, ...before, at('domb-verify.cjs')], cwd: directory });

const demo = file('boot-configs/demo.yaml');
const nonce = ['--nonce', NONCE.toString('hex')];
const reference = ['--reference', 'reference', '--allow-unsigned'];
const proof = [...reference, '--ak', 'evidence/ak.pub', '--waive', 'launch-chain'];
const manifest = ['--manifest', demo, '--images', '.', '--no-policy', '--efi', 'boot.efi'];

/** Command lines, and how they must end. */
const cases: readonly (readonly [argv: string[], status: number])[] = [
  [['verify', 'evidence', ...nonce, ...reference], 4],
  [['verify', 'evidence', ...nonce, ...reference, '--waive', 'key,launch-chain', '--json'], 0],
  [['verify', 'evidence', ...nonce, ...proof], 0],
  [['verify', 'damaged', ...nonce, ...reference], 3],
  [['verify', 'evidence', ...nonce, ...reference, '--ak', 'other-key/ak.pub'], 3],
  [['verify', 'evidence', '--nonce', '00'.repeat(32), ...reference], 3],
  [
    [
      'verify',
      'evidence',
      ...nonce,
      '--reference',
      'other-reference',
      '--allow-unsigned',
      '--json',
    ],
    3,
  ],
  [['verify', 'evidence', ...nonce, ...manifest], 3],
  [['verify', 'no-boot-log', ...nonce, ...reference], 3],
  [['verify', 'nowhere', ...nonce, ...reference], 1],
  [['verify', 'evidence', ...nonce, '--reference', 'reference'], 2],
  [['enroll', 'challenge', 'evidence', '--ek', 'nowhere'], 1],
  [['enroll', 'check', 'nowhere', '--secret', 'nowhere'], 1],
  [['log', file('test/logs/rhel8.bin')], 0],
  [['log', 'evidence/measurement.log', '--json'], 0],
  [['log', 'cut.log'], 1],
  [['predict', ...reference], 0],
  [['predict', ...reference, '--json', '--banks', 'sha384'], 0],
  [['predict', demo, '--images', '.', '--no-policy', '--efi', 'boot.efi', '--json'], 0],
  [['predict', file('boot-configs/domids.md'), '--images', '.', '--no-policy'], 1],
  [['predict', demo, '--images', '.', '--key', 'nowhere', '--no-policy'], 1],
];

test('the verifier ends as domb does and says the same, alone in a directory, on every Node at hand', async (t) => {
  const nodes = nodesToTry();
  t.diagnostic(`Node ${nodes.map(({ version }) => version).join(', ')}`);
  for (const [argv, status] of cases) {
    const expected = await domb(argv, { cwd: directory });
    assert.equal(expected.status, status, `${argv}: ${expected.error}`);
    for (const { program, version } of nodes) {
      const found = await runVerifier(program, argv);
      assert.deepEqual(asDomb(found), expected, `Node ${version}: ${argv.join(' ')}`);
    }
  }
});

test('it enrols keys: a challenge of its own, and what the TPM would answer', async () => {
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  await writeFile(at('ek.pem'), publicKey.export({ type: 'spki', format: 'pem' }));
  for (const { program, version } of nodesToTry()) {
    const made = await runVerifier(program, ['enroll', 'challenge', 'evidence', '--ek', 'ek.pem']);
    assert.deepEqual([made.status, made.error], [0, ''], version);
    const { secret } = JSON.parse(readFileSync(at('challenge.secret'), 'utf8'));
    await writeFile(at('answer'), Buffer.from(secret, 'hex'));
    const checked = await runVerifier(program, ['enroll', 'check', 'answer']);
    assert.deepEqual([checked.status, checked.error], [0, ''], version);
    const options = [...reference, '--enrolled', 'platform.enrolled', '--waive', 'launch-chain'];
    const verdict = await runVerifier(program, ['verify', 'evidence', ...nonce, ...options]);
    assert.equal(verdict.status, 0, verdict.out);
  }
});

/** What the verifier said, with domb's name. */
const asDomb = (run: DombRun): DombRun => ({
  ...run,
  error: run.error.replaceAll('domb-verify', 'domb'),
});

test('it is a program with a version and help of its own', async () => {
  await chmod(at('domb-verify.cjs'), 0o755);
  const run = (...argv: string[]) =>
    domb(argv, { program: [at('domb-verify.cjs')], cwd: directory });
  const { version } = JSON.parse(readFileSync(file('package.json'), 'utf8'));
  assert.deepEqual(await run('--version'), {
    ...{ status: 0, out: `domb-verify ${version}\n`, error: '' },
  });
  const { out } = await run('help');
  assert.match(out, /^Usage: domb-verify COMMAND/m);
  assert.doesNotMatch(out, /^ {2}(validate|image|quote) /m);
  const { out: help } = await run('help', 'verify');
  assert.match(help, /^ {2}domb-verify verify evidence --nonce/m);
});

test('commands that it lacks are refused, with a word that says where they are', async () => {
  for (const name of ['validate', 'image', 'quote', 'introduce']) {
    const { status, out, error } = await runVerifier(process.execPath, [name, 'x']);
    assert.deepEqual([status, out], [2, '']);
    assert.match(
      error,
      new RegExp(`"${name}" is a command of domb, not of domb-verify\n.*source tree`),
    );
  }
  const { error } = await runVerifier(process.execPath, ['verfy']);
  assert.match(error, /did you mean "domb-verify verify"\?/);
});

test('a manifest with boot scripts is refused, with a word about references', async () => {
  await writeFile(at('permissions.js'), 'export default () => {};\n');
  const scripts = 'scripts:\n  - name: nothing\n    at: before_planning\n    run: permissions.js\n';
  await writeFile(at('scripts.yaml'), `${readFileSync(demo, 'utf8')}${scripts}`);
  const argv = ['predict', 'scripts.yaml', '--images', '.', '--no-policy'];
  const whole = await domb(argv, { cwd: directory });
  assert.equal(whole.status, 0, whole.error);
  const { status, out, error } = await runVerifier(process.execPath, argv);
  assert.deepEqual([status, out], [1, '']);
  assert.match(error, /does not read boot scripts.*\n.*--reference/);
});

test('an older Node is told which one is needed', async () => {
  const versions = "Object.defineProperty(process, 'versions', { value: { node: '20.11.1' } });";
  await writeFile(at('older.cjs'), versions);
  const older = await runVerifier(process.execPath, ['help'], '--require', at('older.cjs'));
  assert.deepEqual([older.status, older.out], [1, '']);
  assert.match(older.error, /this is Node 20\.11\.1\n {2}hint: run it with Node 20\.12 or newer/);
});

test('it is the same bytes each time, starts nothing beside it, and has no foreign function in it', async () => {
  const again = await bundleVerifier();
  assert.ok(Buffer.from(again.program).equals(bundle.program));
  const text = Buffer.from(bundle.program).toString();
  assert.ok(!text.includes('hash-share'), 'a program that would be looked for beside it');
  const required = [...text.matchAll(/\brequire\("([^"]+)"\)/g)].map(([, name = '']) => name);
  assert.deepEqual(
    required.filter((name) => !name.startsWith('node:')),
    [],
  );
  assert.deepEqual(
    bundle.modules.filter((path) =>
      /^(bindings\/(ffi|xen)|daemon\/run|platform\/machine)\//.test(path),
    ),
    [],
  );
});

test('its modules use nothing that Node 20 lacks', async () => {
  const { out, error } = await domb(['--project', file('cli/verifier')], {
    program: [file('node_modules/.bin/tsc'), '--pretty', 'false'],
  });
  assert.equal(error, '');
  const inBundle = out
    .split('\n')
    .filter((line) => bundle.modules.includes(line.split('(')[0] ?? ''));
  assert.deepEqual(inBundle, []);
  // The compiler has looked with Node 20's eyes: what makes images needs a newer one.
  assert.match(out, /^platform\/images\/compress\.ts\(.*zstdCompressSync/m);
});
