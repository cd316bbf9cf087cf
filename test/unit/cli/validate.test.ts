import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { domb, dombInTerminal, dombProgram, file } from '../../lib/domb.ts';
import { ramdiskWith } from '../../lib/ramdisk-with.ts';
import { elf, pvNotes } from '../boot-configs/elf-builder.ts';

const demo = file('boot-configs/demo.yaml');
const bad = file('boot-configs/invalid/several.yaml');

test('a manifest without mistakes gives 0 and one line', async () => {
  assert.deepEqual(await domb(['validate', demo]), {
    status: 0,
    out: `${demo}: ok, 2 domains, 1152MiB\n`,
    error: '',
  });
  assert.deepEqual(await domb(['validate', '-q', demo]), { status: 0, out: '', error: '' });
});

test('mistakes give 1, and one bad manifest does not hide another', async () => {
  const other = file('boot-configs/invalid/version.yaml');
  const { status, out, error } = await domb(['validate', bad, demo, other]);
  assert.equal(status, 1);
  assert.equal(out, `${demo}: ok, 2 domains, 1152MiB\n`);
  const expected = readFileSync(bad.replace('.yaml', '.expected'), 'utf8');
  assert.ok(error.startsWith(expected.replaceAll(/^several/gm, bad.replace('.yaml', ''))));
  assert.match(error, /version\.yaml:2:10: version: /);
});

test('a file that can not be read is a mistake like others', async () => {
  const { status, error } = await domb(['validate', file('no-such-file'), demo]);
  assert.equal(status, 1);
  assert.match(error, /no-such-file:1:1: the file can't be read \(ENOENT\)\n {2}hint: /);
});

test('"-" reads standard input', async () => {
  const good = await domb(['validate', '-'], { stdin: readFileSync(demo, 'utf8') });
  assert.deepEqual([good.status, good.out], [0, '<stdin>: ok, 2 domains, 1152MiB\n']);
  const { status, error } = await domb(['validate', '-'], { stdin: 'version: 9\n' });
  assert.equal(status, 1);
  assert.match(error, /^<stdin>:1:10: /);
});

test('input without an end is refused when it is longer than a manifest', () => {
  const command = '"$0" validate /dev/zero - < /dev/zero';
  const { status, stderr } = spawnSync('sh', ['-c', command, dombProgram]);
  assert.equal(status, 1);
  assert.equal(
    stderr.toString().match(/1:1: the file has more than the 1048576 bytes/g)?.length,
    2,
  );
});

test('--json gives all problems with their fields, on standard output alone', async () => {
  const { status, out, error } = await domb(['validate', '--json', bad, demo]);
  assert.equal(status, 1);
  assert.equal(error, '');
  const { files } = JSON.parse(out);
  assert.deepEqual(
    files.map((result: { file: string; valid: boolean }) => [result.file, result.valid]),
    [
      [bad, false],
      [demo, true],
    ],
  );
  assert.deepEqual(files[0].problems[0], {
    file: bad,
    line: 4,
    col: 3,
    rule: 'unknown-key',
    path: 'platform.on-failur',
    message: 'unknown key "on-failur"',
    hint: 'did you mean "on_failure"?',
    excerpt: '  4 |   on-failur: halt\n        ^~~~~~~~~',
  });
});

test('colours are used only where the terminal has them, and nobody says no', async () => {
  const plain = await domb(['validate', bad]);
  assert.equal(plain.error, stripVTControlCharacters(plain.error));
  const { status, out } = await dombInTerminal(['validate', bad]);
  const shown = out.replaceAll('\r\n', '\n');
  assert.equal(status, 1);
  assert.notEqual(shown, plain.error);
  assert.equal(stripVTControlCharacters(shown), plain.error);
  const uncoloured = await dombInTerminal(['validate', bad], { NO_COLOR: '1' });
  assert.equal(uncoloured.out.replaceAll('\r\n', '\n'), plain.error);
});

test('--platform-memory is compared with all domains together', async () => {
  assert.equal((await domb(['validate', '--platform-memory', '2GiB', demo])).status, 0);
  const { status, error } = await domb(['validate', '--platform-memory=1152MiB', demo]);
  assert.equal(status, 1);
  // The demo's domains have exactly 1152 MiB, which is not all that a boot needs.
  assert.match(
    error,
    /the domains need 1168MiB, and of 1152MiB Xen and the boot domain leave about 935MiB/,
  );
  assert.match(error, /the boot domain has 192MiB/);
  const sized = [
    '--xen-options',
    'boot-domain dom0_mem=512M,max:512M',
    '--platform-memory=1744MiB',
  ];
  assert.equal((await domb(['validate', ...sized, demo])).status, 0);
  assert.match(
    (await domb(['validate', ...sized.slice(0, 2), '--platform-memory=1152MiB', demo])).error,
    /the boot domain has 512MiB/,
  );
  assert.equal((await domb(['validate', '--platform-memory', '1024', demo])).status, 2);
});

test('--platform-cpus is compared with the CPUs that domains are tied to', async () => {
  const tied = 'boot-configs/driver-domain.yaml';
  assert.equal((await domb(['validate', '--platform-cpus', '0-1', tied])).status, 0);
  const { status, error } = await domb(['validate', '--platform-cpus=0', tied]);
  assert.equal(status, 1);
  assert.match(error, /domains\[\d\]\.cpus: the platform has no CPU 1\n/);
  assert.equal((await domb(['validate', '--platform-cpus', '0-', tied])).status, 2);
});

test("--xen-options is compared with grant limits and the hardware domain's domid", async () => {
  const limited = 'boot-configs/driver-domain.yaml';
  const validate = (options: string, file = limited) =>
    domb(['validate', '--xen-options', options, file]);
  assert.equal((await validate('console=com1 boot-domain')).status, 0);
  const { status, error } = await validate('boot-domain gnttab_max_frames=4');
  assert.equal(status, 1);
  assert.match(error, /Xen gives a domain at most 4 grant frames, and it wants 8\n/);
  assert.match(error, /raise gnttab_max_frames=/);
  const late = 'boot-configs/late-hwdom.yaml';
  assert.equal((await validate('hardware_dom=5', late)).status, 0);
  assert.match((await validate('boot-domain', late)).error, /gives that role to domain 0/);
  assert.match((await validate('loglvl=all', demo)).error, /command line names none/);
});

test('--xen-options tells which serial ports Xen keeps', async () => {
  const { status, error } = await domb([
    ...['validate', '--xen-options', 'boot-domain console=com2 com2=115200,8n1,0x300,5'],
    'boot-configs/driver-domain.yaml',
  ]);
  assert.equal(status, 1);
  assert.match(error, /ioports\[0\]: Xen itself uses its com2, the ports 300-307\n/);
});

const directory = mkdtempSync(join(tmpdir(), 'domb-cli-'));
after(() => rmSync(directory, { recursive: true }));

test('--images looks into the images', async () => {
  writeFileSync(join(directory, 'vmlinux'), elf({ notes: pvNotes }));
  writeFileSync(join(directory, 'vtpm.cpio.zst'), ramdiskWith('x'));
  const { status, error } = await domb(['validate', '--images', directory, demo]);
  assert.equal(status, 1);
  assert.equal(error.match(/hint: /g)?.length, 1);
  assert.match(error, /domains\[1\]\.ramdisk: there is no such file/);
  writeFileSync(join(directory, 'dom0.cpio.zst'), ramdiskWith('x'));
  assert.equal((await domb(['validate', '--images', directory, demo])).status, 0);
});

test('a directory of images that is none is one failure', async () => {
  for (const none of [file('no-such-directory'), demo]) {
    const { status, out, error } = await domb(['validate', '--images', none, demo]);
    assert.deepEqual([status, out], [1, '']);
    assert.equal(
      error,
      `domb: ${none}: there is no such directory\n  hint: check what --images names\n`,
    );
  }
});

test('--key accepts a manifest with a right signature beside it, and no other', async () => {
  const key = join(directory, 'key.pem');
  const publicKey = join(directory, 'public.pem');
  const manifest = join(directory, 'signed.yaml');
  const openssl = (...args: string[]): Buffer => execFileSync('openssl', args, { stdio: 'pipe' });
  openssl('genpkey', '-algorithm', 'ed25519', '-out', key);
  openssl('pkey', '-in', key, '-pubout', '-out', publicKey);
  copyFileSync(demo, manifest);
  const check = (): ReturnType<typeof domb> => domb(['validate', '--key', publicKey, manifest]);
  assert.match((await check()).error, /there is no signature \S+signed\.yaml\.sig \(ENOENT\)/);
  openssl('pkeyutl', '-sign', '-rawin', '-inkey', key, '-in', demo, '-out', `${manifest}.sig`);
  assert.equal((await check()).status, 0);
  writeFileSync(manifest, '\n', { flag: 'a' });
  const changed = await check();
  assert.equal(changed.status, 1);
  assert.match(changed.error, /signature is wrong under this key/);
  assert.equal((await domb(['validate', '--key', publicKey, '-'])).status, 2);
  assert.equal((await domb(['validate', '--key', file('no-such-key'), manifest])).status, 1);
});

test('a policy that can not be used is a failure, not wrong usage', async () => {
  for (const [policy, reason] of [
    [file('no-such-file'), /the policy can't be read \(ENOENT\)/],
    [file('package.json'), /this is not a compiled policy/],
    ['/dev/zero', /\/dev\/zero: not a regular file/],
  ] as const) {
    const { status, error } = await domb(['validate', '--policy', policy, demo]);
    assert.equal(status, 1);
    assert.match(error, reason);
  }
});
