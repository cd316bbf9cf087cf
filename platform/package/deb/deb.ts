import { chmod, copyFile, lutimes, mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { runProgram } from '../../lib/run.ts';

/** What is at one path of a package. */
export type DebEntry =
  | { readonly bytes: Uint8Array | string; readonly mode?: number }
  | { readonly file: string; readonly mode?: number }
  | { readonly link: string };

/** A Debian package, as data. */
export interface DebPackage {
  readonly name: string;
  readonly section: string;
  /** One line, then paragraphs. */
  readonly description: readonly [string, ...string[]];
  /** Relations of control(5), such as `Depends`. */
  readonly relations: Readonly<Record<string, readonly string[]>>;
  /** By path, without the leading slash. */
  readonly files: ReadonlyMap<string, DebEntry>;
  /** Maintainer scripts, and `triggers`. */
  readonly control?: Readonly<Record<string, string>>;
  /** Contents of debian/copyright. */
  readonly copyright: string;
  /** What lintian calls an error or a warning and is none here: tag and context, each below a line that says why. */
  readonly overrides?: readonly (readonly [why: string, tag: string])[];
  /** Level of xz; 0 where what is large is compressed already. */
  readonly compression: number;
}

export interface DebBuild {
  readonly version: string;
  /** Seconds since 1970: the time of every file. */
  readonly epoch: number;
  /** Of debian/changelog. */
  readonly changes: string;
}

const MAINTAINER = 'domb maintainers <maintainers@domb.example>';

/**
 * Builds a package in `directory`, without root. The same package and build give the same bytes.
 * @returns the path of the .deb
 */
export async function buildDeb(
  deb: DebPackage,
  build: DebBuild,
  directory: string,
): Promise<string> {
  const tree = join(directory, `.${deb.name}`);
  await rm(tree, { recursive: true, force: true });
  for (const [path, entry] of withCommonFiles(deb, build)) await place(join(tree, path), entry);
  const control = join(tree, 'DEBIAN');
  const conffiles = [...deb.files.keys()].filter((path) => path.startsWith('etc/'));
  const texts = {
    control: await controlText(deb, build, tree),
    md5sums: await sums(deb, build, tree),
    ...(conffiles.length > 0 ? { conffiles: conffiles.map((path) => `/${path}\n`).join('') } : {}),
    ...deb.control,
  };
  for (const [name, bytes] of Object.entries(texts)) {
    await place(join(control, name), { bytes, mode: /^(pre|post)/.test(name) ? 0o755 : 0o644 });
  }
  await setTimes(tree, build.epoch);
  const output = join(directory, `${deb.name}_${build.version}_amd64.deb`);
  await runProgram(
    'dpkg-deb',
    // One thread: how xz divides its work must not depend on the machine.
    ['--root-owner-group', '-Zxz', `-z${deb.compression}`, '--threads-max=1', '-b', tree, output],
    { env: { ...process.env, SOURCE_DATE_EPOCH: String(build.epoch), LC_ALL: 'C' } },
  );
  await rm(tree, { recursive: true });
  return output;
}

/** The package's own files, and those that every package has. */
function withCommonFiles(deb: DebPackage, { changes, version, epoch }: DebBuild) {
  const doc = `usr/share/doc/${deb.name}`;
  const date = new Date(epoch * 1000).toUTCString().replace('GMT', '+0000');
  const changelog = `domb (${version}) bookworm; urgency=medium\n\n  * ${changes}\n\n -- ${MAINTAINER}  ${date}\n`;
  const overrides = (deb.overrides ?? []).map(([why, tag]) => `# ${why}\n${deb.name}: ${tag}\n`);
  return new Map<string, DebEntry>([
    ...deb.files,
    [`${doc}/copyright`, { bytes: deb.copyright }],
    [`${doc}/changelog.gz`, { bytes: gzipped(changelog) }],
    ...(overrides.length > 0
      ? [[`usr/share/lintian/overrides/${deb.name}`, { bytes: overrides.join('') }] as const]
      : []),
  ]);
}

/** Without a name and a time in it, as `gzip -9n` makes it. */
export const gzipped = (text: string): Buffer => gzipSync(text, { level: 9 });

async function place(path: string, entry: DebEntry): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  if ('link' in entry) return symlink(entry.link, path);
  if ('file' in entry) await copyFile(entry.file, path);
  else await writeFile(path, entry.bytes);
  await chmod(path, entry.mode ?? 0o644);
}

async function controlText(deb: DebPackage, build: DebBuild, tree: string): Promise<string> {
  const [summary, ...paragraphs] = deb.description;
  const size = (await runProgram('du', ['-sk', '--apparent-size', tree])).split('\t')[0];
  return [
    `Package: ${deb.name}`,
    'Source: domb',
    `Version: ${build.version}`,
    'Architecture: amd64',
    `Maintainer: ${MAINTAINER}`,
    `Installed-Size: ${size}`,
    ...Object.entries(deb.relations).map(([name, list]) => `${name}: ${list.join(', ')}`),
    `Section: ${deb.section}`,
    'Priority: optional',
    `Description: ${summary}`,
    ...paragraphs.flatMap((text, index) => [...(index > 0 ? [' .'] : []), ...folded(text)]),
    '',
  ].join('\n');
}

/** Lines of at most 76 characters, each behind a space. */
function folded(text: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + word.length < 76) lines[lines.length - 1] += ` ${word}`;
    else lines.push(` ${word}`);
  }
  return lines;
}

async function sums(deb: DebPackage, build: DebBuild, tree: string): Promise<string> {
  const paths = [...withCommonFiles(deb, build)]
    .filter(([path, entry]) => !('link' in entry) && !path.startsWith('etc/'))
    .map(([path]) => path)
    .sort();
  return runProgram('md5sum', ['--', ...paths], { cwd: tree });
}

/** Gives all in `path`, and itself, this time, and directories the usual mode, whatever the caller's umask is. */
async function setTimes(path: string, epoch: number): Promise<void> {
  for (const entry of await readdir(path, { withFileTypes: true })) {
    const inside = join(path, entry.name);
    if (entry.isDirectory()) await setTimes(inside, epoch);
    else await lutimes(inside, epoch, epoch);
  }
  await chmod(path, 0o755);
  await lutimes(path, epoch, epoch);
}
