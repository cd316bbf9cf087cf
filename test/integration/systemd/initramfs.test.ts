/** What dom0's initramfs does with the hand-over: images of Debian's initramfs-tools and of dracut, whose own programs then run it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { file } from '../../lib/domb.ts';

/** A kernel that nobody has: the image is made without modules. */
const RELEASE = '6.1.0-domb';
const HANDED_OVER = {
  'record.json': '{"version": 1}\n',
  'measurement.log': 'log',
  'daemon.log': '',
};

/** Runs a shell script as root of a mount namespace of its own. */
function apart(script: string, env: NodeJS.ProcessEnv = {}): string {
  const { status, stdout, stderr } = spawnSync(
    'unshare',
    ['--map-root-user', '--mount', 'sh', '-euc', script],
    { encoding: 'utf8', env: { ...process.env, ...env } },
  );
  assert.equal(status, 0, stdout + stderr);
  return stdout;
}

function scratch(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'domb-initramfs-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return directory;
}

const install = (...args: string[]) =>
  spawnSync(file('systemd/install-dom0'), args, { encoding: 'utf8' });

/** Runs `script` with what the unpacked image has, whose kernel has found these files in front of it. */
function inside(image: string, script: string, handedOver: Record<string, string>) {
  const kmsg = join(image, 'dev/kmsg');
  for (const place of ['domb-handover', 'run/domb-handover']) {
    rmSync(join(image, place), { recursive: true, force: true });
  }
  mkdirSync(join(image, 'domb-handover'));
  mkdirSync(join(image, 'run'), { recursive: true });
  mkdirSync(join(image, 'dev'), { recursive: true });
  writeFileSync(kmsg, '');
  for (const [name, text] of Object.entries(handedOver)) {
    writeFileSync(join(image, 'domb-handover', name), text);
  }
  const run = (before = '') =>
    spawnSync(
      'unshare',
      ['--map-root-user', 'chroot', image, '/bin/sh', '-c', `${before}${script}`],
      {
        encoding: 'utf8',
        env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
      },
    );
  return { run, said: () => readFileSync(kmsg, 'utf8') };
}

function keeps(image: string, script: string): void {
  const kept = join(image, 'run/domb-handover');
  const good = inside(image, script, HANDED_OVER);
  const { status, stdout, stderr } = good.run();
  assert.deepEqual({ status, stderr }, { status: 0, stderr: '' }, stdout);
  const names = readdirSync(kept).sort();
  assert.deepEqual(
    names.map((name) => [name, readFileSync(join(kept, name), 'utf8')]),
    Object.entries(HANDED_OVER).sort(),
  );

  const other = inside(image, script, { 'something.else': '' });
  assert.equal(other.run().status, 0);
  assert.ok(!existsSync(kept), 'a system that domB did not start');

  // No room, as it were: a file is where the directory should be.
  const full = inside(image, script, HANDED_OVER);
  full.run('echo >/run/domb-handover; ');
  assert.match(full.said(), /domb-keep: cannot copy \/domb-handover to \/run\/domb-handover/);
}

/** An initramfs of Debian's initramfs-tools, unpacked. */
function initramfsToolsImage(directory: string): string {
  const root = join(directory, 'root');
  const configuration = join(root, 'etc/initramfs-tools');
  cpSync('/etc/initramfs-tools', configuration, { recursive: true });
  const { status, stdout, stderr } = install(root);
  assert.equal(status, 0, stderr);
  assert.match(stdout, /now make dom0's initramfs again: update-initramfs -u$/m);
  writeFileSync(join(configuration, 'conf.d/domb-test'), 'MODULES=list\nBUSYBOX=n\n');
  // mkinitramfs wants the kernel's directories where they are on a host; nothing but this sees them.
  apart(
    `mkdir "$work/layer"
mount -t tmpfs layer "$work/layer"
mkdir "$work/layer/upper" "$work/layer/work"
mount -t overlay overlay -o "lowerdir=/usr/lib,upperdir=$work/layer/upper,workdir=$work/layer/work" /usr/lib
mkdir "$work/layer/scripts" "$work/layer/scripts-work"
cp -a "$root/usr/share/initramfs-tools/." "$work/layer/scripts"
mount -t overlay overlay -o "lowerdir=/usr/share/initramfs-tools,upperdir=$work/layer/scripts,workdir=$work/layer/scripts-work" /usr/share/initramfs-tools
mount -t tmpfs boot /boot
modules=/usr/lib/modules/${RELEASE}
mkdir -p "$modules"
: >"$modules/modules.order"; : >"$modules/modules.builtin"; : >"$modules/modules.builtin.modinfo"
depmod ${RELEASE}
echo CONFIG_RD_GZIP=y >/boot/config-${RELEASE}
mkinitramfs -c gzip -d "$configuration" -o "$work/initrd" ${RELEASE}
mkdir "$work/image"
cd "$work/image"
gzip -dc "$work/initrd" | cpio -idm --quiet`,
    { work: directory, configuration, root },
  );
  return join(directory, 'image');
}

test("Debian's initramfs-tools, even without busybox, runs domb-keep before /run goes over", (t) => {
  const directory = scratch(t);
  const image = initramfsToolsImage(directory);
  keeps(image, '/scripts/init-bottom/domb-keep');

  const order = readFileSync(join(image, 'scripts/init-bottom/ORDER'), 'utf8');
  assert.match(order, /^\/scripts\/init-bottom\/domb-keep "\$@"$/m);
  const init = readFileSync(join(image, 'init'), 'utf8');
  const at = (text: RegExp) => init.search(text);
  assert.ok(at(/^run_scripts \/scripts\/init-bottom$/m) > 0);
  assert.ok(at(/^run_scripts \/scripts\/init-bottom$/m) < at(/^mount .*move \/run /m));
  assert.ok(!existsSync(join(image, 'usr/bin/cp')), 'this one is without busybox');
});

test('dracut runs domb-keep before it changes roots, and goes on', (t) => {
  const directory = scratch(t);
  const root = join(directory, 'root');
  const base = join(root, 'usr/lib/dracut');
  cpSync('/usr/lib/dracut', base, { recursive: true, verbatimSymlinks: true });
  const { status, stdout, stderr } = install(root);
  assert.equal(status, 0, stderr);
  assert.match(stdout, /now make dom0's initramfs again: dracut --force$/m);
  apart(
    `dracut --no-kernel --no-compress --modules 'base domb' --kver ${RELEASE} --tmpdir "$work" "$work/initrd" >"$work/log" 2>&1 ||
  { cat "$work/log"; exit 1; }
mkdir "$work/image"
cd "$work/image"
cpio -idm --quiet <"$work/initrd"`,
    { work: directory, dracutbasedir: base },
  );
  const image = join(directory, 'image');
  const hooks = readdirSync(join(image, 'usr/lib/dracut/hooks/pre-pivot'));
  assert.deepEqual(hooks, ['50-keep.sh']);
  keeps(image, '. /usr/lib/dracut/hooks/pre-pivot/50-keep.sh; echo goes on');
  const { run } = inside(
    image,
    '. /usr/lib/dracut/hooks/pre-pivot/50-keep.sh; echo goes on',
    HANDED_OVER,
  );
  assert.equal(run().stdout, 'goes on\n');
});

test('install-dom0 names what it put where, removes it again, and says where it can do nothing', (t) => {
  const root = scratch(t);
  mkdirSync(join(root, 'etc/initramfs-tools'), { recursive: true });
  const before = files(root);
  const { status, stdout } = install(root);
  assert.equal(status, 0);
  const named = stdout.split('\n').filter((line) => line.startsWith('/'));
  const units = ['receive', 'introduce', 'vtpm-state', 'watch', 'settle'].map(
    (name) => `domb-${name}.service`,
  );
  const wanted = units.map((name) =>
    join(root, 'etc/systemd/system/multi-user.target.wants', name),
  );
  assert.deepEqual([...named, ...wanted].sort(), files(root));
  // Once more, over what is there.
  assert.equal(install(root).status, 0);
  assert.deepEqual([...named, ...wanted].sort(), files(root));
  assert.equal(install('--remove', root).status, 0);
  assert.deepEqual(files(root), before);

  const other = install(join(root, 'etc'));
  assert.equal(other.status, 1);
  assert.match(
    other.stderr,
    /neither initramfs-tools nor dracut in .*: what makes its initramfs has to run domb-keep/,
  );
});

/** All that is no directory below one, sorted. */
const files = (root: string): string[] =>
  readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
