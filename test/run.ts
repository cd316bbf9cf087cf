import { spawn } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { availableParallelism, freemem } from 'node:os';
import { join } from 'node:path';
import { cacheDirectory } from '../platform/lib/cache.ts';
import { costTable, type PartTime, RUN_DIRECTORY, readCosts } from './runner/costs.ts';
import { cacheEntries, leftovers } from './runner/leftovers.ts';
import { testNames } from './runner/names.ts';
import {
  byKind,
  type Kind,
  patternOf,
  type Selection,
  SelectionError,
  selectionOf,
  usage,
} from './runner/selection.ts';

/**
 * Runs the suite: types, lint, then the tests by kind; or just the files and tests that the command line names
 * (runner/selection.ts has the usage).
 */
const root = join(import.meta.dirname, '..');

/**
 * Milliseconds. A test that failed may leave a server or a child behind, which must not keep the suite from ending: its file is
 * ended after this time. (--test-force-exit would do that at once, and lose what the file has not reported yet.)
 */
const patience: Record<Kind, number> = { unit: 300_000, integration: 600_000, boot: 2_700_000 };

let failed = false;
const times: PartTime[] = [];
const shared = join(root, 'out/test/run');
try {
  const selection = selectionOf(process.argv.slice(2), root, process.env.INIT_CWD);
  const chosen = chosenFiles(selection);
  await rm(shared, { recursive: true, force: true });
  await mkdir(shared, { recursive: true });
  const cache = await cacheEntries();
  if (selection.whole) {
    await step('types', tool('tsc'), ['--noEmit']);
    await step('lint', tool('biome'), ['check', '.']);
  }
  for (const [kind, files] of chosen) {
    const filter = selection.name === undefined ? [] : [`--test-name-pattern=${selection.name}`];
    if (kind === 'boot') await step('images', process.execPath, ['test/boot/prepare.ts']);
    for (const paces of partsOf(kind, files, chosen)) {
      const runs = paces.map(({ part, at, those, idle }) => {
        const timeout = idle ? patience.boot : patience[kind];
        const pace = [`--test-concurrency=${at}`, `--test-timeout=${timeout}`];
        const test = [process.execPath, '--test', ...pace, ...filter, ...those];
        // Gets what nobody else wants (sched(7), SCHED_IDLE).
        const [command = '', ...args] = idle ? ['chrt', '--idle', '0', ...test] : test;
        return step(part, command, args, idle);
      });
      await Promise.all(runs);
    }
  }
  const left = leftovers(cache, await cacheEntries());
  if (left.length > 0) {
    failed = true;
    console.error(`\nThe tests have left in ${cacheDirectory}: ${left.join(', ')}`);
  }
  console.log(`\n${costTable(await readCosts(shared), times)}`);
  process.exitCode = failed ? 1 : 0;
} catch (error) {
  if (!(error instanceof SelectionError)) throw error;
  console.error(`npm test: ${error.message}\n\n${usage}`);
  process.exitCode = 2;
}

/** Without those in which no test has the name. */
function chosenFiles({ files, name }: Selection): ReadonlyMap<Kind, readonly string[]> {
  if (name === undefined) return files;
  const pattern = patternOf(name);
  const named = [...testNames([...files.values()].flat(), root)];
  const matching = named.filter(([, names]) => names.some((each) => pattern.test(each)));
  if (matching.length === 0) throw new SelectionError(`no test has a name that matches ${name}`);
  return byKind(matching.map(([file]) => file));
}

/** Some test files, and how many of them run at once. */
interface Pace {
  part: string;
  at: number;
  those: readonly string[];
  /** Beside another part, which may not be slowed down by them. */
  idle?: boolean;
}

/**
 * What of a kind runs one after the other, each with what runs beside it. Two machines at once take less time than one after the other
 * (bench/machines.ts), if there is room for both. Beside those that run alone half of the processors' time is left.
 */
function partsOf(
  kind: Kind,
  files: readonly string[],
  chosen: ReadonlyMap<Kind, readonly string[]>,
): Pace[][] {
  const quiet = (chosen.get('boot') ?? []).filter(needsQuiet);
  const long = (chosen.get('integration') ?? []).filter(isLong);
  const beside = quiet.length > 0 ? long : [];
  const parts: Pace[][] =
    kind === 'boot'
      ? [
          [
            {
              part: 'boot',
              at: machinesAtOnce(),
              those: files.filter((each) => !needsQuiet(each)),
            },
          ],
          [
            { part: 'boot, one at a time', at: 1, those: quiet },
            { part: 'integration, beside those', at: 1, those: beside, idle: true },
          ],
        ]
      : [
          [
            {
              part: kind,
              at: availableParallelism(),
              those: files.filter((each) => !beside.includes(each)),
            },
          ],
        ];
  return parts.map((paces) => paces.filter(({ those }) => those.length > 0));
}

/** They compile or pack for minutes, and nobody waits for what they make. */
function isLong(file: string): boolean {
  return /\/(hypervisor-series|debs)\.test\.ts$/.test(file);
}

/**
 * Linux in a guest gives up a TPM that answers late by the clock on the wall, so nobody may take the processors away. With five and more
 * domains, two machines at once take more than twice as long as one after the other: where each is late, the timers of all its
 * kernels take what is left.
 */
function needsQuiet(file: string): boolean {
  return /^test\/boot\/(vtpm|hostile|introduction)\.test\.ts$/.test(file);
}

/** A machine takes 4.5 GiB, and one of the two cores most of the time. */
function machinesAtOnce(): number {
  return availableParallelism() >= 2 && freemem() > 2 * 5 * 2 ** 30 ? 2 : 1;
}

/** Runs one part. What it says is shown when it has ended, where another runs beside it. */
async function step(part: string, command: string, args: string[], later = false): Promise<void> {
  const start = performance.now();
  const heading = `\n# ${[command.split('/').at(-1), ...args.slice(0, 3)].join(' ')}`;
  if (!later) console.log(heading);
  const child = spawn(command, args, {
    cwd: root,
    stdio: later ? ['inherit', 'pipe', 'pipe'] : 'inherit',
    env: { ...process.env, [RUN_DIRECTORY]: shared },
  });
  let said = '';
  for (const output of [child.stdout, child.stderr]) {
    output?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  }
  const status = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (later) console.log(`${heading}\n${said}`);
  if (status !== 0) failed = true;
  times.push({ part, seconds: (performance.now() - start) / 1000, beside: later });
}

function tool(name: string): string {
  return join(root, 'node_modules/.bin', name);
}
