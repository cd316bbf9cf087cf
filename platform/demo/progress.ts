import { performance } from 'node:perf_hooks';

export interface TimedPhase {
  name: string;
  /** Seconds. */
  seconds: number;
}

/** Prints a list of phases as they happen, each with its time, and keeps them. */
export class Progress {
  readonly phases: TimedPhase[] = [];

  heading(text: string): void {
    process.stdout.write(`${text}\n`);
  }

  /** Runs one phase: its name is printed before, its time after. */
  readonly phase = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    const start = performance.now();
    process.stdout.write(`  ${name.padEnd(58, ' ')} `);
    try {
      const result = await work();
      const seconds = (performance.now() - start) / 1000;
      this.phases.push({ name, seconds });
      process.stdout.write(`${seconds.toFixed(1).padStart(6)} s\n`);
      return result;
    } catch (error) {
      process.stdout.write('FAILED\n');
      throw error;
    }
  };
}
