const ROUNDS = 7;

type Contestants = Record<string, () => Promise<unknown> | unknown>;

/** The shortest of some rounds, in milliseconds; the contestants take turns, so that all see the same machine. */
export async function race(contestants: Contestants): Promise<Map<string, number>> {
  const times = new Map<string, number>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, contestant] of Object.entries(contestants)) {
      const start = performance.now();
      await contestant();
      const time = performance.now() - start;
      times.set(name, Math.min(times.get(name) ?? time, time));
    }
  }
  return times;
}

/** Says what came out beside what it has to be. */
export function judge(what: string, result: string, wanted: string, met: boolean): void {
  console.log(`  ${what.padEnd(38)} ${result.padStart(6)}  ${wanted}: ${met ? 'met' : 'MISSED'}`);
}
