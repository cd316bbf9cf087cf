import { chmod, copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { runProgram } from '../lib/run.ts';
import type { RootTree } from './root-tree.ts';

/**
 * Bytes that are compressed together, and unpacked together when one of them is wanted: larger ones make the file smaller, and have more in memory
 * that nobody asked for.
 */
export const BLOCK = 1024 * 1024;

/**
 * Writes a tree as a squashfs (Linux, Documentation/filesystems/squashfs.rst). Owners and times are zero and its order is by name, so that
 * equal trees give equal bytes.
 * @param file must not exist
 * @throws Error for a tree with devices, which nobody but root could write
 */
export async function writeSquashfs(root: RootTree, file: string): Promise<void> {
  const tree = await mkdtemp(join(dirname(file), '.tree-'));
  try {
    for (const entry of root.entries()) {
      const path = join(tree, entry.path);
      if (entry.type === 'directory') await mkdir(path);
      else if (entry.type === 'link') await symlink(entry.target, path);
      else if (entry.type === 'file') {
        const { data, mode } = entry;
        await ('file' in data ? copyFile(data.file, path) : writeFile(path, data));
        await chmod(path, mode);
      } else throw new Error(`${entry.path}: no devices in a squashfs`);
      if (entry.type === 'directory') await chmod(path, 0o755);
    }
    await chmod(tree, 0o755);
    await runProgram(
      'mksquashfs',
      [
        ...[tree, file, '-noappend', '-quiet', '-no-progress', '-b', `${BLOCK}`],
        ...['-comp', 'zstd', '-Xcompression-level', '19'],
        ...['-all-root', '-no-exports', '-no-xattrs', '-mkfs-time', '0', '-all-time', '0'],
      ],
      // mksquashfs takes no time from two sides.
      { env: { ...process.env, SOURCE_DATE_EPOCH: undefined } },
    );
  } finally {
    await rm(tree, { recursive: true, force: true });
  }
}
