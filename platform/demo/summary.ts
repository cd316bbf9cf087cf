import type { Verdict } from '../../measurement/evidence/verdict.ts';
import type { Judgement } from '../judge/judgement.ts';
import type { PlatformRun } from './platform-run.ts';
import type { Proof } from './proof.ts';

/** What came up, what was compared, what the evidence proves or does not, and where domB's time went, as text. */
export function summary({ answers, checks, times, verdict }: PlatformRun, proof?: Proof): string {
  const seconds = (milliseconds: number) => `${(milliseconds / 1000).toFixed(2)} s`;
  const listing = answers.output('xl-list').trimEnd().replace(/^/gm, '  ');
  return `
What came up (xl list -Z in dom0)
${listing}

What was compared
${compared(checks)}

${proof ? proved(proof) : unproven(verdict)}

domB, init to halt: ${seconds(times.initToHalt)}
  Node start ${seconds(times.nodeStart)}, measuring ${seconds(times.measuring)}, building ${seconds(times.building)}, \
hand-over ${seconds(times.handOver)}, other ${seconds(times.other)}
`;
}

export function compared(judgements: readonly Judgement[]): string {
  return judgements
    .map(({ ok, name, detail }) => `  ${ok ? 'ok    ' : 'FAILED'} ${name}: ${detail}`)
    .join('\n');
}

/** Through what a lie could still come, by name, as a verifier is told who has nothing but what this boot left. */
function unproven({ gaps }: Verdict): string {
  const open = gaps.map(({ gap, says }) => `  ${gap.padEnd(13)}${says}`);
  if (open.length === 0) return 'The evidence proves all of it';
  return ['What the evidence of this boot alone does not prove', ...open].join('\n');
}

/** What a verifier ran who had more, and what came of it. */
function proved({ commands, said }: Proof): string {
  const ran = commands.map((command) => `  $ ${command}`);
  const verdict = withoutItems(said.trimEnd().split('\n')).map((line) => `  ${line}`);
  return ['What the verifier ran and was told', ...ran, ...verdict].join('\n');
}

/** A verdict with one line in the place of all items that are as expected. Their lines have a name and nothing else. */
function withoutItems(lines: readonly string[]): string[] {
  const isItem = (line: string) => /^ok +[^:]+$/.test(line);
  const items = lines.filter(isItem).length;
  const first = lines.findIndex(isItem);
  return lines.flatMap((line, index) => {
    if (!isItem(line)) return [line];
    return index === first ? [`ok           ${items} measured items, each as expected`] : [];
  });
}
