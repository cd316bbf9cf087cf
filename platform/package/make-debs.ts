/** `npm run deb`: the Debian packages in out/deb, or in the directory that is given. */
import { mkdir, readFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { contentDigests } from '../../measurement/content.ts';
import { runProgram } from '../lib/run.ts';
import { debPackages } from './deb/contents.ts';
import { buildDeb, type DebBuild } from './deb/deb.ts';

const root = join(import.meta.dirname, '../..');

/** The version of package.json, and when the last commit was made: a later one is a newer package. */
async function thisBuild(): Promise<DebBuild> {
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  const [time = '', commit = ''] = (
    await runProgram('git', ['-C', root, 'log', '-1', '--format=%ct %h'])
  )
    .trim()
    .split(' ');
  const epoch = Number(process.env.SOURCE_DATE_EPOCH ?? time);
  const date = new Date(epoch * 1000).toISOString().replace(/[-:]|\.000Z/g, '');
  return {
    version: `${version}+${date.replace('T', '.')}`,
    epoch,
    changes: `Built from commit ${commit}.`,
  };
}

const [directory = join(root, 'out/deb')] = process.argv.slice(2).map((path) => resolve(path));
await mkdir(directory, { recursive: true });
const build = await thisBuild();
for (const deb of await debPackages(build.version)) {
  const path = await buildDeb(deb, build, directory);
  const bytes = await readFile(path);
  const size = `${(bytes.length / 2 ** 20).toFixed(1)} MiB`;
  console.log(`${relative(process.cwd(), path)}: ${size}, sha256:${contentDigests(bytes).sha256}`);
}
