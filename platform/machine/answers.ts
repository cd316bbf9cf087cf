import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Machine } from './machine.ts';

export interface Answer {
  output: string;
  /** Exit status of the command that gave it. */
  status: number;
}

/** What dom0 wrote to the second serial line, by question (platform/images/dom0/answers). */
export type Answers = ReadonlyMap<string, Answer>;

/** Waits until dom0 has answered all questions, at most `timeout` milliseconds, and returns the answers. */
export async function collectAnswers(file: string, timeout: number): Promise<Answers> {
  const deadline = performance.now() + timeout;
  for (;;) {
    const text = await readFile(file, 'latin1').catch(() => '');
    if (text.includes('@done\n')) return parseAnswers(text);
    if (performance.now() > deadline) {
      const last = text.match(/^@begin .*$/gm)?.at(-1) ?? 'none begun';
      throw new Error(`dom0 did not answer all questions within ${timeout / 1000} s (${last})`);
    }
    await sleep(200);
  }
}

/** Has dom0 run a shell script and gives what it wrote and its exit status. `name` is one word, new at each call. */
export type Ask = (name: string, script: string, timeout?: number) => Promise<Answer>;

/** Asks a dom0 that has answered its own questions; an answer takes `timeout` milliseconds at most, a minute by default. */
export function asker({ serial, serialSocket }: Pick<Machine, 'serial' | 'serialSocket'>): Ask {
  return async (name, script, timeout = 60_000) => {
    const line = connect(serialSocket);
    // QEMU waits for whoever is connected to read; what is written there is in the file too.
    line.resume();
    const failed = new Promise<never>((_, reject) => line.once('error', reject));
    failed.catch(() => {});
    try {
      line.write(`${name} ${Buffer.from(script).toString('base64')}\n`);
      return await Promise.race([answerTo(name, serial, timeout), failed]);
    } finally {
      line.destroy();
    }
  };
}

async function answerTo(name: string, serial: string, timeout: number): Promise<Answer> {
  const deadline = performance.now() + timeout;
  for (;;) {
    const answer = parseAnswers(await readFile(serial, 'latin1')).get(name);
    if (answer) return answer;
    if (performance.now() > deadline) {
      throw new Error(`dom0 did not answer "${name}" within ${timeout / 1000} s`);
    }
    await sleep(200);
  }
}

/** Splits the frames `@begin NAME`, output, `@end NAME STATUS`. */
export function parseAnswers(text: string): Answers {
  const frame = /^@begin (\S+)\n([\s\S]*?)\n?^@end \1 (\d+)$/gm;
  const answers = new Map<string, Answer>();
  for (const [, name, output, status] of text.replace(/\r/g, '').matchAll(frame)) {
    answers.set(name as string, { output: output as string, status: Number(status) });
  }
  return answers;
}
