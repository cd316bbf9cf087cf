import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/**
 * The names of the tests in each of these files, each with the suites that it is in before it. The files are loaded and
 * their suites entered, but no test and no hook runs: Node's own filter runs the hooks of all files, and those of the boot
 * tests boot.
 */
export function testNames(files: readonly string[], root: string): Map<string, string[]> {
  const { status, stdout } = spawnSync(
    process.execPath,
    [join(import.meta.dirname, 'list-names.ts'), ...files],
    { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 1 << 26 },
  );
  if (status !== 0)
    throw new Error('the test files can not be loaded, so their names are not known');
  return new Map(JSON.parse(stdout) as [string, string[]][]);
}
