import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RunError, runProgram } from '../lib/run.ts';

const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
const defaultMirrors = (codename: string) => [
  `http://deb.debian.org/debian ${codename} main`,
  `http://deb.debian.org/debian-security ${codename}-security main`,
];

/**
 * Debian's source packages of one release, through apt with lists and sources of our own: the machine's are left alone, and
 * deb-src lines in them are not needed. Signatures are checked by apt with Debian's keyring.
 */
export class DebianArchive {
  readonly #options: readonly string[];

  private constructor(options: readonly string[]) {
    this.#options = options;
  }

  /** Asks the mirrors for their lists, which are put into `directory`. */
  static async ask(codename: string, directory: string): Promise<DebianArchive> {
    const sources = join(directory, 'sources.list');
    await mkdir(join(directory, 'lists/partial'), { recursive: true });
    await mkdir(join(directory, 'cache/archives/partial'), { recursive: true });
    const lines = (await mirrors(codename)).map(
      (mirror) => `deb-src [signed-by=${keyring}] ${mirror}\n`,
    );
    await writeFile(sources, lines.join(''));
    const options = [
      `Dir::State::Lists=${join(directory, 'lists')}`,
      `Dir::Cache=${join(directory, 'cache')}`,
      `Dir::Etc::SourceList=${sources}`,
      'Dir::Etc::SourceParts=/dev/null',
      // As root, apt would drop to a user who cannot write here and warn about it.
      'APT::Sandbox::User=root',
      // Else lists that could not be had are a warning only, and what is newer is not seen.
      'APT::Update::Error-Mode=any',
    ].flatMap((option) => ['-o', option]);
    await runProgram('apt-get', ['-qq', ...options, 'update']);
    return new DebianArchive(options);
  }

  /** All listed versions of a package that begin with `series`, newest first. */
  async versions(name: string, series: string): Promise<string[]> {
    const request = [...this.#options, 'showsrc', '--only-source', name];
    const text = await runProgram('apt-cache', request);
    const versions = [...text.matchAll(/^Version: (\S+)$/gm)].map((match) => match[1] ?? '');
    // Within one upstream series the numbers in a Debian version decide, so a numeric comparison is enough.
    const newestFirst = (a: string, b: string) => b.localeCompare(a, 'en', { numeric: true });
    return [...new Set(versions)].filter((version) => version.startsWith(series)).sort(newestFirst);
  }

  /** Downloads the .dsc file and the archives of one version into `directory`. */
  async download(name: string, version: string, directory: string): Promise<void> {
    const request = ['source', '--download-only', `${name}=${version}`];
    await runProgram('apt-get', ['-qq', ...this.#options, ...request], { cwd: directory });
  }
}

/** What apt says of a failure, on one line: what could not be fetched and why, or its first complaint. */
export function complaint(error: unknown): string {
  if (!(error instanceof RunError)) throw error;
  const lines = error.message.split('\n').filter((line) => line.startsWith('E: '));
  const fetched = /^E: Failed to fetch (\S+)\s+(.*?)\s*(?:\[IP: .*\])?$/.exec(lines[0] ?? '');
  if (fetched) return `${fetched[1]}: ${fetched[2]?.replace(/\s+/g, ' ')}`;
  return lines[0]?.slice(3) ?? error.message.split('\n')[0] ?? '';
}

/** The mirrors that the machine's own apt uses for this release, or Debian's own, as `URI suite component`. */
async function mirrors(codename: string): Promise<string[]> {
  const format = '$(REPO_URI) $(RELEASE) $(COMPONENT)';
  const request = ['indextargets', '--format', format, 'Created-By: Packages'];
  const own = (await runProgram('apt-get', request))
    .split('\n')
    .filter(
      (line) =>
        line.includes(` ${codename}`) &&
        / main$/.test(line) &&
        /\/debian(-security)?\/? /.test(line),
    );
  return own.length > 0 ? [...new Set(own)] : defaultMirrors(codename);
}
