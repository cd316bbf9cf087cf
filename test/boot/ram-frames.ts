import { xenLines } from '../../platform/judge/xen-dump.ts';

/** The machine's frames that are RAM as a whole, as Xen says when it starts. */
export function parseRamFrames(consoleText: string): { first: number; last: number }[] {
  const [, map = ''] = xenLines(consoleText).split(/^(?:Xen-e820|EFI) RAM map:$/m);
  const lines = map
    .split('\n')
    .map((line) => /^ ?\[([0-9a-f]+), ([0-9a-f]+)\] \((.+)\)$/.exec(line));
  const end = lines.findIndex((line, index) => index > 0 && line === null);
  return lines.slice(1, end).flatMap((line) => {
    if (line?.[3] !== 'usable') return [];
    const [start, last] = [Number(`0x${line[1]}`), Number(`0x${line[2]}`)];
    return [{ first: Math.ceil(start / 4096), last: Math.floor((last + 1) / 4096) - 1 }];
  });
}
