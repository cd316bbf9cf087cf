import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

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

/** Splits the frames `@begin NAME`, output, `@end NAME STATUS`. */
export function parseAnswers(text: string): Answers {
  const frame = /^@begin (\S+)\n([\s\S]*?)\n?^@end \1 (\d+)$/gm;
  const answers = new Map<string, Answer>();
  for (const [, name, output, status] of text.replace(/\r/g, '').matchAll(frame)) {
    answers.set(name as string, { output: output as string, status: Number(status) });
  }
  return answers;
}
