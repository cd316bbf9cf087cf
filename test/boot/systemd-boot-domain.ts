import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Piece } from '../../initramfs/cpio.ts';
import { compress } from '../../platform/images/compress.ts';
import { debianTree, withLibraries } from '../../platform/images/debian-packages.ts';
import { type Initramfs, nextInit } from '../../platform/images/domb.ts';
import { RootTree } from '../../platform/images/root-tree.ts';
import { addSharedLibraries, searchPath } from '../../platform/images/shared-libraries.ts';
import { file } from '../lib/domb.ts';

/** Debian's systemd and what it needs to find the TPM, without their configuration of a whole system. */
const packages = ['systemd', 'udev', 'kmod'];
const directories = [
  'lib/systemd',
  'usr/lib/systemd',
  'lib/udev',
  'lib/modprobe.d',
  'bin',
  'etc/udev',
  'etc/systemd',
];
/** Libraries of systemd's own. */
const own = 'usr/lib/x86_64-linux-gnu/systemd';
/** 10 MB of names of hardware. */
const left = 'lib/udev/hwdb.d';

/** What systemd, its journal and udev have of their own while they run. */
const RUNNING_SYSTEMD = 64 * 2 ** 20;

/** domB's initramfs, with systemd as the init that follows domB's, which runs the daemon by our unit (docs/dom0.md, "A boot domain with systemd"). */
export async function withSystemd({
  pieces,
  packed,
  unpacked,
  later,
}: Initramfs): Promise<Initramfs> {
  const tree = await debianTree(await withLibraries(packages));
  const root = new RootTree();
  const programs: string[] = [];
  for (const directory of directories) {
    for (const path of await filesBelow(tree, directory)) {
      if (path.startsWith(`${left}/`)) continue;
      const target = await readlink(join(tree, path)).catch(() => undefined);
      if (target !== undefined) {
        root.link(`/${path}`, target);
        continue;
      }
      const bytes = await readFile(join(tree, path));
      const isProgram = bytes.subarray(1, 4).toString() === 'ELF';
      root.file(`/${path}`, bytes, isProgram ? 0o755 : 0o644);
      if (isProgram) programs.push(join(tree, path));
    }
  }
  await addSharedLibraries(root, tree, programs, [], [...searchPath, own]);
  const units = '/etc/systemd/system';
  await root.copy(`${units}/domb.service`, file('systemd/domb.service'));
  await root.copy('/etc/udev/rules.d/domb.rules', file('systemd/domb.rules'));
  root
    .link(`${units}/sysinit.target.wants/domb.service`, '../domb.service')
    .link(`${units}/default.target`, '/lib/systemd/system/basic.target')
    .file('/etc/machine-id', '')
    .file('/etc/passwd', 'root:x:0:0:root:/:/bin/false\n')
    .file('/etc/group', 'root:x:0:\n')
    .directory('/tmp')
    .directory('/var')
    // The last archive's counts.
    .link(nextInit, '/lib/systemd/systemd');
  const archive = root.archive();
  const added: Piece = compress(archive, 'quick');
  return {
    pieces: [...pieces, added],
    packed: packed + added.length,
    unpacked: unpacked + archive.length,
    later: later + RUNNING_SYSTEMD,
  };
}

/** Paths below `root` of all that is in `directory` but directories, in order. */
async function filesBelow(root: string, directory: string): Promise<string[]> {
  const entries = await readdir(join(root, directory), { withFileTypes: true });
  const found = await Promise.all(
    entries.map((entry) => {
      const path = `${directory}/${entry.name}`;
      return entry.isDirectory() ? filesBelow(root, path) : [path];
    }),
  );
  return found.flat().sort();
}
