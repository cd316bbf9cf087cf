import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDirectory, cached } from '../lib/cache.ts';
import { complaint, DebianArchive } from './debian-archive.ts';

/** Which source package is wanted. */
export interface WantedSource {
  package: string;
  /** What its version begins with. */
  series: string;
  /** The Debian release to take it from. */
  codename: string;
}

/** What the caller asks of a version that can be had. */
export interface Suitability {
  /** Stands for what is asked: another one has other answers. */
  identity: string;
  /** Why this version will not do; undefined when it will. */
  refusal(version: string, dsc: string): Promise<string | undefined>;
}

export interface DebianSource {
  version: string;
  codename: string;
  /** Path of the .dsc file; the archives that it names lie beside it. */
  dsc: string;
  /** Versions that Debian lists, and that are newer, newest first. */
  newer: readonly NewerVersion[];
  /** Why nobody knows whether there are others: Debian could not be asked. */
  unasked?: string;
}

export interface NewerVersion {
  version: string;
  /** Why it was not taken. */
  refusal: string;
}

/** What Debian answered on one day. */
interface Answer {
  taken: string;
  newer: NewerVersion[];
}

/**
 * The source of the newest version that begins with `series`, can be had and will do: the security archive sometimes lists a version
 * whose files are not on the mirrors. Debian is asked once a day; what was once downloaded is kept. Without a network the last
 * answer counts, and the result says that it is not of today.
 */
export async function debianSource(
  wanted: WantedSource,
  suitability: Suitability,
): Promise<DebianSource> {
  const { package: name, codename } = wanted;
  const { answer, unasked } = await newestAnswer(wanted, suitability);
  const { taken: version, newer } = answer;
  const again = async (work: string) => {
    const archive = await DebianArchive.ask(codename, join(work, '.apt'));
    await download(archive, name, version, work);
    await rm(join(work, '.apt'), { recursive: true });
  };
  const directory = await cached(...sourceOf(wanted, version), again);
  return {
    ...{ version, codename, dsc: await dscIn(directory), newer },
    ...(unasked === undefined ? {} : { unasked }),
  };
}

async function dscIn(directory: string): Promise<string> {
  const dsc = (await readdir(directory)).find((file) => file.endsWith('.dsc'));
  if (!dsc) throw new Error(`${directory}: holds no .dsc file; remove it and try again`);
  return join(directory, dsc);
}

async function newestAnswer(
  wanted: WantedSource,
  suitability: Suitability,
): Promise<{ answer: Answer; unasked?: string }> {
  const answers = `source-${wanted.package}-answer`;
  const today = new Date().toISOString().slice(0, 10);
  try {
    const inputs = [wanted.package, wanted.series, wanted.codename, suitability.identity, today];
    const directory = await cached(answers, inputs, (work) => askDebian(wanted, suitability, work));
    return { answer: await read(directory) };
  } catch (error) {
    const unasked = complaint(error);
    const last = await newestIn(join(cacheDirectory, answers));
    if (last === undefined) throw error;
    return { answer: await read(last), unasked };
  }
}

async function askDebian(
  wanted: WantedSource,
  suitability: Suitability,
  work: string,
): Promise<void> {
  const { package: name, series, codename } = wanted;
  const scratch = join(work, '.apt');
  const archive = await DebianArchive.ask(codename, scratch);
  const newer: NewerVersion[] = [];
  for (const version of await archive.versions(name, series)) {
    const directory = await cached(...sourceOf(wanted, version), (to) =>
      download(archive, name, version, to),
    ).catch((error) => void newer.push({ version, refusal: complaint(error) }));
    if (directory === undefined) continue;
    const refusal = await suitability.refusal(version, await dscIn(directory));
    if (refusal !== undefined) {
      newer.push({ version, refusal });
      continue;
    }
    await rm(scratch, { recursive: true });
    const answer: Answer = { taken: version, newer };
    return await writeFile(join(work, 'answer.json'), JSON.stringify(answer));
  }
  const tried = newer.map(({ version, refusal }) => `\n  ${version}: ${refusal}`).join('');
  throw new Error(
    `no source of ${name} ${series}* could be had from Debian ${codename}${tried || ': none is listed'}`,
  );
}

const sourceOf = (wanted: WantedSource, version: string) =>
  [`source-${wanted.package}`, [wanted.package, version, wanted.codename]] as const;

async function download(archive: DebianArchive, name: string, version: string, to: string) {
  await mkdir(to, { recursive: true });
  await archive.download(name, version, to);
}

const read = async (directory: string): Promise<Answer> =>
  JSON.parse(await readFile(join(directory, 'answer.json'), 'utf8')) as Answer;

/** The youngest artefact of a directory of the cache. */
async function newestIn(directory: string): Promise<string | undefined> {
  const names = (await readdir(directory).catch(() => [])).filter((name) => !name.startsWith('.'));
  const paths = names.map((name) => join(directory, name));
  const times = await Promise.all(paths.map(async (path) => (await stat(path)).mtimeMs));
  return paths[times.indexOf(Math.max(...times))];
}
