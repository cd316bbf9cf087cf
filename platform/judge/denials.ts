import { type Judgement, judgement } from './judgement.ts';

/** FLASK, enforcing, had nothing to refuse. */
export function denialJudgement(consoleText: string): Judgement {
  const denials = consoleText.split('\n').filter((line) => /avc:\s+denied/i.test(line));
  return judgement('no AVC denial on the console', denials.length === 0, denials[0] ?? 'none');
}
