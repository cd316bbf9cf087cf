import { hash } from 'node:crypto';
import { statSync } from 'node:fs';
import { hashFiles } from '../../measurement/hash-files.ts';
import { cached } from '../../platform/lib/cache.ts';
import { runProgram } from '../../platform/lib/run.ts';
import { file } from './domb.ts';

// What is deleted and not committed is listed, too.
const isFile = (path: string) => statSync(path, { throwIfNoEntry: false })?.isFile() === true;

/** The directory with our Debian packages, as `npm run deb` makes them of these sources. */
export async function builtDebs(): Promise<string> {
  const list = await runProgram('git', ['ls-files', '-co', '--exclude-standard'], {
    cwd: file('.'),
  });
  // What is in none of them.
  const others = /^(test|bench|platform\/(machine|demo|judge))\//;
  const paths = list.split('\n').filter((path) => path !== '' && !others.test(path));
  const digests = [...(await hashFiles(paths.map(file).filter(isFile)))].map(
    ([path, { digests: of }]) => [path.slice(file('.').length), of.sha256],
  );
  const commit = await runProgram('git', ['log', '-1', '--format=%ct'], { cwd: file('.') });
  const key = hash('sha256', JSON.stringify([digests, commit]), 'hex');
  return cached(
    'debs',
    [key],
    async (work) => {
      await runProgram(process.execPath, [file('platform/package/make-debs.ts'), work]);
    },
    'day',
  );
}
