import { createHash } from 'node:crypto';
import { chmod, copyFile, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { bundleCommand } from '../../platform/images/bundle-command.ts';
import { candidates, kernelPackage } from '../../platform/images/debian-packages.ts';
import { addonPath, interpreter, leanNode, nodeAddon } from '../../platform/images/runtime.ts';
import { cached } from '../../platform/lib/cache.ts';
import { runProgram } from '../../platform/lib/run.ts';
import { file } from '../lib/domb.ts';

const fixtures = join(import.meta.dirname, 'debian-dom0');

/** What Debian's dom0 consists of, beside what is always installed; what these recommend is left out. */
const packages = [
  ...['systemd-sysv', 'udev', 'dbus', 'kmod', 'e2fsprogs', 'zstd', 'initramfs-tools'],
  ...['xen-utils-4.17', 'tpm2-tools', 'libtss2-tcti-device0'],
  // For the host on which domb is installed.
  ...['grub2-common', 'grub-efi-amd64-bin', 'xz-utils', 'libstdc++6', 'fdisk'],
  ...['efibootmgr', 'sbsigntool'],
  // What Xen's scripts make interfaces of guests with, and what asks these.
  ...['iproute2', 'iputils-ping'],
  // Beside initramfs-tools; the package dracut would take its place.
  'dracut-core',
];

/** What an emulated machine has no use for, and what nobody reads there. */
const left = [
  ...['doc', 'man', 'locale', 'info', 'lintian'].map((name) => `/usr/share/${name}/*`),
  ...['gpu', 'media', 'net', 'staging', 'infiniband', 'iio', 'usb', 'isdn', 'video'].map(
    (name) => `/lib/modules/*/kernel/drivers/${name}/*`,
  ),
  ...['sound', 'net/wireless', 'net/bluetooth', 'net/mac80211'].map(
    (name) => `/lib/modules/*/kernel/${name}/*`,
  ),
];

/** Of that, what serves guests their network. */
const kept = ['/lib/modules/*/kernel/drivers/net/xen-netback/*'];

export interface DebianDom0 {
  /** Its initramfs, of dracut: initramfs-tools is what the host has on which domb is installed (installed-debian.ts). */
  initrd: string;
  /** An ext4 file system, the root; not to be written to. */
  disk: string;
}

/** The directory with `root.tar`, a Debian 12 with systemd, Xen's tools and GRUB. */
export async function debianRoot(): Promise<string> {
  const wanted = await candidates([...packages, await kernelPackage()]);
  return cached('debian-root', [wanted, left, kept], async (work) => {
    await runProgram('mmdebstrap', [
      ...['--quiet', '--variant=minbase', '--format=tar', `--include=${wanted.join(',')}`],
      ...left.map((path) => `--dpkgopt=path-exclude=${path}`),
      ...kept.map((path) => `--dpkgopt=path-include=${path}`),
      ...['bookworm', join(work, 'root.tar')],
    ]);
  });
}

/**
 * A Debian 12 with systemd and Debian's own daemons, made of Debian's packages, on which domb was installed as docs/dom0.md says. Its kernel is
 * that of the other images.
 */
export async function debianDom0(): Promise<DebianDom0> {
  const kernel = await kernelPackage();
  const root = await debianRoot();
  const added = await additions();
  const node = (await leanNode()).program;
  const addon = nodeAddon();
  const programs = [
    [interpreter, node],
    [addonPath, addon],
  ] as const;
  const sources = [
    'install-dom0',
    'files',
    'domb-keep',
    'domb-receive',
    'domb-receive.service',
    'domb-introduce.service',
    'domb-vtpm-state.service',
    'domb-settle.service',
    'domb-watch.service',
  ];
  const build = join(fixtures, 'build');
  const texts = await Promise.all(
    [...sources.map((name) => file(`systemd/${name}`)), file('docs/dom0.md'), build].map((path) =>
      readFile(path, 'utf8'),
    ),
  );
  const digests = [...added].map(([path, bytes]) => [path, digestOf(bytes)]);
  const directory = await cached(
    'debian-dom0',
    [root, node, digestOf(await readFile(addon)), texts, digests],
    async (work) => {
      await copyFile(join(root, 'root.tar'), join(work, 'root.tar'));
      for (const [path, bytes] of added) await put(join(work, 'added', path), bytes);
      await mkdir(join(work, 'added/usr/bin'), { recursive: true });
      const command = '/usr/lib/domb/command';
      await symlink(`${command}/main.mjs`, join(work, 'added/usr/bin/domb'));
      await symlink(addonPath, join(work, 'added', command, basename(addonPath)));
      // The libraries are Debian's, as those of our images are.
      for (const [path, source] of programs) {
        await copyFile(source, join(work, 'added', path));
        await chmod(join(work, 'added', path), 0o755);
      }
      const asRoot = process.getuid?.() === 0 ? [] : ['--map-root-user', '--map-auto'];
      await runProgram('unshare', [...asRoot, '--mount', build, file('.'), release(kernel)], {
        cwd: work,
      });
    },
    'day',
  );
  return { initrd: join(directory, 'initrd.img'), disk: join(directory, 'disk.ext4') };
}

/** What this test adds to Debian, and the command domb, by path. */
async function additions(): Promise<Map<string, Uint8Array>> {
  const systemd = 'etc/systemd/system';
  const files = new Map<string, Uint8Array>();
  for (const name of ['domb-test-before.service', 'domb-test-answers.service']) {
    files.set(`${systemd}/${name}`, await readFile(join(fixtures, name)));
  }
  const console = await readFile(join(fixtures, 'console.conf'));
  files.set(`${systemd}/domb-receive.service.d/console.conf`, console);
  files.set('usr/lib/domb-test/before', await readFile(join(fixtures, 'before')));
  files.set('usr/lib/domb-test/answers', await readFile(file('platform/images/dom0/answers')));
  for (const [name, bytes] of await bundleCommand()) {
    files.set(`usr/lib/domb/command/${name}`, bytes);
  }
  return files;
}

async function put(path: string, bytes: Uint8Array): Promise<void> {
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, bytes);
  if (path.endsWith('main.mjs')) await chmod(path, 0o755);
}

const release = (kernel: string) => kernel.replace(/^linux-image-/, '');
const digestOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
