import { mkdir, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { candidates, unpackPackages } from '../../images/debian-packages.ts';
import { cached } from '../../lib/cache.ts';

const root = join(import.meta.dirname, '../../..');

/** One thing that a package has in it: whose it is, and the whole text of its license. */
export interface License {
  /** Names and versions. */
  readonly of: string;
  readonly text: string;
}

/** debian/copyright of a package with our own work, and what else is in it. */
export async function copyrightOf(others: readonly License[]): Promise<string> {
  const own = await readFile(join(root, 'LICENSE'), 'utf8');
  const short = own.includes('Apache License')
    ? 'On Debian systems the whole license is in /usr/share/common-licenses/Apache-2.0.'
    : own;
  return [
    'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/',
    'Upstream-Name: domb',
    "Comment: Files that are not domb's own work, and are named below, are under their own licenses.",
    '',
    'Files: *',
    'Copyright: 2026 domb contributors',
    'License: Apache-2.0',
    ' Licensed under the Apache License, Version 2.0.',
    ` ${short}`,
    ...others.flatMap(({ of, text }, index) => [
      '',
      // What lies in one file with other things cannot be told by file names.
      'Files: *',
      'Copyright: as the text of the license says',
      `License: of-part-${index + 1}`,
      ` ${of}`,
      ' .',
      ...indented(text),
    ]),
    '',
  ].join('\n');
}

const indented = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => (line.trim() === '' ? ' .' : ` ${line.trimEnd()}`));

/** Licenses of npm packages, by name. @throws Error for one without a license file */
export async function npmLicenses(names: readonly string[]): Promise<License[]> {
  return Promise.all(
    [...names].sort().map(async (name) => {
      const directory = join(root, 'node_modules', name);
      const { version, license } = JSON.parse(
        await readFile(join(directory, 'package.json'), 'utf8'),
      ) as { version: string; license: string };
      const file = (await readdir(directory)).find((each) => /^licen[cs]e(\.\w+)?$/i.test(each));
      // The addon is a part of ffi-rs, whose archive has the license.
      if (file === undefined && name.startsWith('@yuuang/')) {
        const text = await readFile(join(root, 'node_modules/ffi-rs/LICENSE'), 'utf8');
        return { of: `${name} ${version} (npm), ${license}`, text };
      }
      if (file === undefined) throw new Error(`${name}: its package has no license file`);
      const text = await readFile(join(directory, file), 'utf8');
      return { of: `${name} ${version} (npm), ${license}`, text };
    }),
  );
}

/**
 * What Debian packages say of their licenses, in the versions that images are made of.
 * @param packages names
 */
export async function debianLicenses(packages: readonly string[]): Promise<License[]> {
  const wanted = await candidates(packages);
  const directory = await cached('debian-copyrights', wanted, async (work) => {
    const tree = join(work, 'tree');
    await mkdir(tree);
    await unpackPackages(wanted, tree);
    for (const name of packages) {
      const text = await copyrightIn(tree, name);
      await writeFile(join(work, name), text);
    }
    await rm(tree, { recursive: true });
  });
  return Promise.all(
    wanted.map(async (each) => {
      const [name = '', version] = each.split('=');
      const source = `Debian's binary package ${name} ${version}; its source is Debian's source package of that version (deb-src, or https://snapshot.debian.org).`;
      return { of: source, text: await readFile(join(directory, name), 'utf8') };
    }),
  );
}

/** Documentation of a package may be a link to that of another, of the same source: of gcc-12-base, for example. */
async function copyrightIn(tree: string, name: string): Promise<string> {
  const file = join(tree, 'usr/share/doc', name, 'copyright');
  const found = await readFile(file, 'utf8').catch(() => undefined);
  if (found !== undefined) return found;
  const other = await readlink(join(tree, 'usr/share/doc', name)).catch(() => undefined);
  if (other === undefined || other === name || other.includes('/')) {
    throw new Error(`the Debian package ${name} has no copyright file`);
  }
  await unpackPackages(await candidates([other]), tree);
  return copyrightIn(tree, other);
}
