import { hash } from 'node:crypto';
import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { hashFiles } from '../../measurement/hash-files.ts';
import { runProgram } from '../lib/run.ts';

/** A source tree that a builder brings. */
export class SourceTreeError extends Error {
  override name = 'SourceTreeError';
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

/**
 * The version of a Xen source tree: Debian's where it has a changelog of Debian's, else what xen/Makefile says.
 * @throws SourceTreeError when the directory holds no Xen
 */
export async function versionOfTree(directory: string): Promise<string> {
  if (await isFile(join(directory, 'debian/changelog'))) {
    const request = ['-l', join(directory, 'debian/changelog'), '-S', 'Version'];
    return (await runProgram('dpkg-parsechangelog', request)).trim();
  }
  const makefile = await readFile(join(directory, 'xen/Makefile'), 'utf8').catch(() => '');
  const value = (name: string) =>
    new RegExp(`^export XEN_${name}\\s*[:?]?=[ \\t]*(\\S*)`, 'm').exec(makefile)?.[1];
  const [major, minor, extra] = ['VERSION', 'SUBVERSION', 'EXTRAVERSION'].map(value);
  if (!major || !minor) {
    throw new SourceTreeError(
      `${directory}: holds no source of Xen: xen/Makefile names no version`,
      'name the top directory of an unpacked source of Xen, which has xen/ and tools/ in it',
    );
  }
  // "$(XEN_VENDORVERSION)" may follow.
  return `${major}.${minor}${extra?.replace(/\$.*/, '') ?? ''}`;
}

/** Stands for names, kinds and contents of all files in `directory`, but for git's own. */
export async function digestOfTree(directory: string): Promise<string> {
  const files: string[] = [];
  const entries: unknown[] = [];
  const list = async (path: string): Promise<void> => {
    for (const name of (await readdir(join(directory, path))).sort()) {
      const inside = join(path, name);
      const full = join(directory, inside);
      const entry = await lstat(full);
      if (entry.isDirectory() && inside !== '.git') await list(inside);
      if (entry.isSymbolicLink()) entries.push([inside, await readlink(full)]);
      if (!entry.isFile()) continue;
      files.push(full);
      entries.push([inside, entry.mode & 0o100]);
    }
  };
  await list('');
  const contents = await hashFiles(files, ['sha256']);
  const digests = files.map((file) => contents.get(file));
  return hash('sha256', JSON.stringify([entries, digests]), 'hex');
}

const isFile = (path: string): Promise<boolean> =>
  lstat(path).then(
    (entry) => entry.isFile(),
    () => false,
  );
