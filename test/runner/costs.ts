import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Environment variable with the directory in which the test files of one run find what they share: set by the runner. */
export const RUN_DIRECTORY = 'DOMB_TEST_RUN';

const costsFile = (directory: string) => join(directory, 'costs.jsonl');

/** What a machine that a test started cost. */
export interface BootCost {
  /** The machine's name: its directory below out/test. */
  boot: string;
  /** The test file, from the root. */
  file: string;
  /** The test that started it; empty where a suite did, for all its tests. */
  test: string;
  /** From making its images to its end. */
  seconds: number;
}

/** Does `work`, and tells the runner what it cost, if there is one. */
export async function costed<T>(of: Omit<BootCost, 'seconds'>, work: () => Promise<T>): Promise<T> {
  const start = performance.now();
  try {
    return await work();
  } finally {
    const directory = process.env[RUN_DIRECTORY];
    const cost: BootCost = { ...of, seconds: (performance.now() - start) / 1000 };
    // One write of a line: files run side by side.
    if (directory !== undefined) {
      await appendFile(costsFile(directory), `${JSON.stringify(cost)}\n`);
    }
  }
}

/** The costs that were told so far. */
export async function readCosts(directory: string): Promise<BootCost[]> {
  const text = await readFile(costsFile(directory), 'utf8').catch(() => '');
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as BootCost);
}

/** Seconds that a part of the run took, by the clock on the wall. */
export interface PartTime {
  part: string;
  seconds: number;
  /** While another ran, in whose time it is. */
  beside?: boolean;
}

/** The table that ends a run: each boot, most costly file first, and what each kind of test took. */
export function costTable(costs: readonly BootCost[], parts: readonly PartTime[]): string {
  const files = [...Map.groupBy(costs, ({ file }) => file)]
    .map(([file, boots]) => ({ file, boots, seconds: sum(boots) }))
    .sort((a, b) => b.seconds - a.seconds);
  const rows = files.flatMap(({ file, boots, seconds }) => [
    `${column(seconds)}  ${file}: ${count(boots.length, 'boot')}`,
    ...boots.map((boot) => `${column(boot.seconds)}    ${boot.boot}  ${boot.test}`.trimEnd()),
  ]);
  const boots = costs.length > 0 ? ['# What each boot cost, in seconds', ...rows, ''] : [];
  const total = `${column(sum(parts.filter(({ beside }) => !beside)))}  in all, with ${count(costs.length, 'boot')}`;
  const kinds = parts.map(({ part, seconds }) => `${column(seconds)}  ${part}`);
  return [...boots, '# What the run took, in seconds', ...kinds, total].join('\n');
}

const sum = (list: readonly { seconds: number }[]) =>
  list.reduce((total, { seconds }) => total + seconds, 0);
const column = (seconds: number) => seconds.toFixed(1).padStart(8);
const count = (number: number, what: string) => `${number} ${what}${number === 1 ? '' : 's'}`;
