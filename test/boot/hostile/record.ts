import type { Question } from './door.ts';

/** What an attempt came to, as Xen's console has it. */
export interface Outcome {
  result: number;
  /** AVC lines that came before its line and after the one before. */
  denials: string[];
}

const said = /probe (\w+) ([\w-]+ \d+ \d+): (-?\d+)/;

/**
 * What the console says of one domain's attempts, by their lines. Another domain's denials in between would be taken for
 * this one's, so only one prober runs at a time.
 */
export function outcomes(consoleText: string, who: string): Map<string, Outcome> {
  const found = new Map<string, Outcome>();
  let denials: string[] = [];
  for (const line of consoleText.split('\n')) {
    if (/avc:\s+denied/.test(line)) denials.push(line);
    const [, speaker, attempt = '', result] = said.exec(line) ?? [];
    if (speaker === undefined) continue;
    if (speaker === who) found.set(attempt, { result: Number(result), denials });
    denials = [];
  }
  return found;
}

/** `dom0_t vtpm_t domain pause` */
export function ruleText({ source, target, class: name, permissions }: Question): string {
  return `${source} ${target} ${name} ${[...permissions].sort().join(',')}`;
}

/** The same of an AVC line. */
export function spoken(line: string): string {
  const [, permissions = ''] = /denied\s+\{ ([\w ]+) \}/.exec(line) ?? [];
  const type = (field: string) =>
    new RegExp(`${field}=\\w+:\\w+:(\\w+)`).exec(line)?.[1] ?? `no ${field}`;
  const [, name = 'no class'] = /tclass=(\w+)/.exec(line) ?? [];
  return ruleText({
    ...{ source: type('scontext'), target: type('tcontext'), class: name },
    permissions: permissions.split(' '),
  });
}
