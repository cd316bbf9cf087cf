import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ownRelease } from '../../xen-releases/releases.ts';
import { cached } from '../lib/cache.ts';
import { addBusybox, busyboxPackage } from './busybox.ts';
import { compress } from './compress.ts';
import { debianTree, withLibraries } from './debian-packages.ts';
import { guestRamdisk } from './guest.ts';
import { debianKernel, type ImageModule, moduleClosure } from './kernel.ts';
import { RootTree } from './root-tree.ts';
import { addSharedLibraries } from './shared-libraries.ts';

const here = import.meta.dirname;
const handoverScript = join(here, '../../systemd/domb-receive');
const modules: readonly ImageModule[] = [
  ...(['xen-privcmd', 'xenfs', 'xen-evtchn', 'xen-gntdev', 'xen-gntalloc', 'xen-pciback'] as const),
  // Its disk, where the machine has one.
  'nvme',
];
const xenPrograms = 'xl xenstored xenconsoled xenconsole xen-init-dom0 libxl-save-helper'.split(
  ' ',
);
const tpmTools = ['tpm2_pcrread', 'tpm2_eventlog', 'tpm2_getcap', 'tpm2_checkquote'];
const storeTools = ['xenstore-ls', 'xenstore-read', 'xenstore-write', 'xenstore-exists'];
// glibc loads libgcc_s when a thread is cancelled, tpm2-tools their transport by name.
const dlopened = ['libgcc_s.so.1', 'libtss2-tcti-device.so.0'];
const applets = (
  'sh mount mkdir cat cp ls ln insmod echo printf sleep sed grep base64 stty test rm wc seq dmesg ' +
  'head tail tee cut tr expr kill awk env dd od timeout sha256sum gzip setsid'
).split(' ');
/** For people who look around in it. */
const comforts = (
  'basename cal chmod clear cmp date df diff dirname du find free hexdump hostname id killall less lsmod md5sum modinfo more mv ' +
  'nproc pidof ps pwd readlink realpath reset rmdir sort stat sync tac tar top touch tty umount uname uniq uptime vi ' +
  'watch which whoami xargs xxd zcat'
).split(' ');

/**
 * Builds the initramfs of the demo's dom0: Debian's own, unmodified Xen and TPM tools, an init that starts the
 * xenstore and console daemons, and a script that answers the demo's questions on the second serial line.
 */
export async function dom0Ramdisk(): Promise<string> {
  const { tools, toolDirectory } = ownRelease.packages;
  const names = [tools, 'xenstore-utils', 'tpm2-tools', 'libtss2-tcti-device0'];
  const packages = await debianTree(await withLibraries([...names, busyboxPackage]));
  const kernel = await debianKernel();
  const guest = await guestRamdisk();
  const scripts = await Promise.all(
    [join(here, 'dom0/init'), join(here, 'dom0/answers'), handoverScript].map((p) => readFile(p)),
  );
  const inputs = [
    packages,
    kernel.elf,
    guest,
    modules,
    tpmTools,
    storeTools,
    applets,
    comforts,
    ...scripts.map(String),
  ];
  const directory = await cached('dom0-image', inputs, async (work) => {
    const root = new RootTree();
    const [init, answers, receive] = scripts as [Buffer, Buffer, Buffer];
    root.file('/init', init, 0o755);
    root.file('/usr/lib/domb/answers', answers, 0o755);
    root.file('/usr/lib/domb/domb-receive', receive, 0o755);
    for (const path of ['/proc', '/sys', '/dev', '/run', '/tmp', '/var/lib/xenstored']) {
      root.directory(path);
    }
    for (const path of ['/var/log/xen/console', '/var/lib/xen', '/var/lock']) root.directory(path);
    root.link('/var/run', '/run').file('/etc/xen/xl.conf', '');
    root.characterDevice('/dev/console', 0o600, 5, 1);

    const xen = join(packages, toolDirectory);
    const programs = xenPrograms.map((name) => join(xen, name));
    for (const path of programs) {
      await root.copy(path.slice(packages.length), path, 0o755);
      root.link(`/usr/sbin/${path.slice(xen.length + 1)}`, path.slice(packages.length));
    }
    const xenstore = join(packages, 'usr/bin/xenstore');
    const tpm2 = join(packages, 'usr/bin/tpm2');
    await root.copy('/usr/bin/xenstore', xenstore, 0o755);
    for (const tool of storeTools) root.link(`/usr/bin/${tool}`, 'xenstore');
    await root.copy('/usr/bin/tpm2', tpm2, 0o755);
    for (const tool of tpmTools) root.link(`/usr/bin/${tool}`, 'tpm2');
    await addSharedLibraries(root, packages, [...programs, xenstore, tpm2], dlopened);
    await addBusybox(root, packages, [...applets, ...comforts]);
    // Where scripts look for it.
    root.link('/usr/bin/env', '/bin/busybox');

    const order = await moduleClosure(kernel, modules);
    for (const path of order) {
      await root.copy(`/lib/modules/${path}`, join(kernel.modules, path));
    }
    root.file('/etc/modules', order.map((path) => `/lib/modules/${path}\n`).join(''));
    await root.copy('/guest/vmlinux', kernel.elf);
    await root.copy('/guest/guest.cpio.zst', guest);
    await writeFile(join(work, 'dom0.cpio.zst'), compress(root.archive()));
  });
  return join(directory, 'dom0.cpio.zst');
}
