import { spawn } from 'node:child_process';
import { glob } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Runs the suite: types, lint, then the tests by kind. `--unit` leaves out the real boots, which take about a minute
 * each; a kind (unit, integration, boot) as argument runs that one alone.
 */
const root = join(import.meta.dirname, '..');
const kinds = ['unit', 'integration', 'boot'] as const;

const chosen = process.argv.slice(2);
const wanted = chosen.includes('--unit')
  ? kinds.filter((kind) => kind !== 'boot')
  : kinds.filter((kind) => chosen.length === 0 || chosen.includes(kind));

let failed = false;
await step('tsc', ['--noEmit']);
await step('biome', ['check', '.']);
for (const kind of wanted) {
  const files = (await Array.fromAsync(glob(`test/${kind}/**/*.test.ts`, { cwd: root }))).sort();
  // Boots share two cores; one at a time is faster than two that make each other late. A test that failed may leave a server
  // or a child behind, which must not keep the suite from ending: its file is ended after this time. (--test-force-exit would
  // do that at once, and lose what the file has not reported yet.)
  const pace =
    kind === 'boot'
      ? ['--test-concurrency=1', '--test-timeout=2700000']
      : ['--test-timeout=300000'];
  if (files.length === 0) throw new Error(`test/${kind} holds no tests`);
  await step(process.execPath, ['--test', ...pace, ...files]);
}
process.exitCode = failed ? 1 : 0;

async function step(command: string, args: string[]): Promise<void> {
  console.log(`\n# ${[command.split('/').at(-1), ...args.slice(0, 3)].join(' ')}`);
  const child = spawn(command, args, { cwd: root, stdio: 'inherit' });
  const status = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (status !== 0) failed = true;
}
