import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cached } from '../lib/cache.ts';
import { run } from '../lib/run.ts';

const codename = 'bookworm';
const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
const defaultMirrors = [
  `http://deb.debian.org/debian ${codename} main`,
  `http://deb.debian.org/debian-security ${codename}-security main`,
];

export interface DebianSource {
  version: string;
  /** Path of the .dsc file; the archives that it names lie beside it. */
  dsc: string;
}

/**
 * Downloads a Debian source package: the newest version that begins with `series` and can be had. The security
 * archive sometimes lists a version whose files are not on the mirrors; then the next older one is taken.
 *
 * What was once downloaded is kept and used again, so that builds stay the same and work without a network; to ask
 * for newer versions, remove the artefact from the cache. Signatures are checked by apt with Debian's keyring. apt's
 * lists and sources are private ones: the machine's own are left alone, deb-src lines in them are not needed.
 */
export async function debianSource(name: string, series: string): Promise<DebianSource> {
  const directory = await cached(`source-${name}`, [name, series, codename], async (work) => {
    const scratch = join(work, '.apt');
    const apt = await privateApt(scratch);
    const versions = await sourceVersions(apt, name, series);
    const refusals: string[] = [];
    for (const version of versions) {
      const target = join(work, version);
      await mkdir(target);
      try {
        const request = ['source', '--download-only', `${name}=${version}`];
        await run('apt-get', ['-qq', ...apt, ...request], { cwd: target });
        await rm(scratch, { recursive: true });
        return;
      } catch (error) {
        refusals.push(String(error));
        await rm(target, { recursive: true });
      }
    }
    throw new Error(
      `no source of ${name} ${series}* could be downloaded from Debian ${codename}; ` +
        `tried ${versions.join(', ') || 'nothing, apt lists none'}\n${refusals.join('\n')}`,
    );
  });
  const [version] = await readdir(directory);
  if (!version) throw new Error(`${directory}: holds no source package; remove it and try again`);
  const files = await readdir(join(directory, version));
  const dsc = files.find((file) => file.endsWith('.dsc'));
  if (!dsc) throw new Error(`${directory}: holds no .dsc file; remove it and try again`);
  return { version, dsc: join(directory, version, dsc) };
}

/** Fetches source lists into `directory` and returns the options that make apt use nothing but them. */
async function privateApt(directory: string): Promise<string[]> {
  const sources = join(directory, 'sources.list');
  await mkdir(join(directory, 'lists/partial'), { recursive: true });
  await mkdir(join(directory, 'cache/archives/partial'), { recursive: true });
  const lines = (await mirrors()).map((mirror) => `deb-src [signed-by=${keyring}] ${mirror}\n`);
  await writeFile(sources, lines.join(''));
  const options = [
    `Dir::State::Lists=${join(directory, 'lists')}`,
    `Dir::Cache=${join(directory, 'cache')}`,
    `Dir::Etc::SourceList=${sources}`,
    'Dir::Etc::SourceParts=/dev/null',
    // As root, apt would drop to a user who cannot write here and warn about it.
    'APT::Sandbox::User=root',
  ].flatMap((option) => ['-o', option]);
  await run('apt-get', ['-qq', ...options, 'update']);
  return options;
}

/** The mirrors that the machine's own apt uses for this release, or Debian's own, as `URI suite component`. */
async function mirrors(): Promise<string[]> {
  const format = '$(REPO_URI) $(RELEASE) $(COMPONENT)';
  const text = await run('apt-get', ['indextargets', '--format', format, 'Created-By: Packages']);
  const own = text
    .split('\n')
    .filter((line) => / bookworm\S* main$/.test(line) && /\/debian(-security)?\/? /.test(line));
  return own.length > 0 ? [...new Set(own)] : defaultMirrors;
}

/** All versions that begin with `series`, newest first. */
async function sourceVersions(apt: string[], name: string, series: string): Promise<string[]> {
  const text = await run('apt-cache', [...apt, 'showsrc', '--only-source', name]);
  const versions = [...text.matchAll(/^Version: (\S+)$/gm)].map((match) => match[1] ?? '');
  // Within one upstream series the numbers in a Debian version decide, so a numeric comparison is enough.
  const newestFirst = (a: string, b: string) => b.localeCompare(a, 'en', { numeric: true });
  return [...new Set(versions)].filter((version) => version.startsWith(series)).sort(newestFirst);
}
