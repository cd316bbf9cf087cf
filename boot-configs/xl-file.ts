import type { ProblemCollector } from './collector.ts';
import { allowedName } from './schema/advice.ts';
import { otherNames } from './schema/other-names.ts';
import { xlKeyFate } from './schema/xl-keys.ts';

/** An assignment as xl.cfg(5) has it; a list or a text may go on over lines, which are not needed here. */
const assignment = /^[ \t]*([A-Za-z_][A-Za-z0-9_]*)[ \t]*\+?=[ \t]*(.*)$/gm;

/** A line of YAML that every manifest has in some form, misspelt or not. No file for xl has one. */
const keyOfManifest = /^[ \t-]*["']?(version|domains?|platform|defaults|name|domid)["']?[ \t]*:/im;

/**
 * Recognizes a file for `xl create` that was given as a manifest, and reports what becomes of each of its lines. `known` gives
 * the keys of a domain. Returns whether it was one.
 */
export function reportXlFile(
  text: string,
  known: () => readonly string[],
  problems: ProblemCollector,
): boolean {
  if (keyOfManifest.test(text)) return false;
  const lines = [...text.matchAll(assignment)].flatMap((match) => {
    const [all, key = '', rest = ''] = match;
    const answer = becomes(key, rest.replace(/[;#].*$/, '').trim(), known());
    const start = match.index + all.indexOf(key);
    return answer === undefined ? [] : [{ key, answer, place: { start, end: start + key.length } }];
  });
  if (lines.length === 0) return false;
  problems.add({ start: 0, end: 1 }, '', {
    rule: 'xl-file',
    message: 'this is a file for "xl create" and not a manifest',
    hint: 'a manifest is YAML, and one file for all domains: make an item of "domains:" from each such file, and add "domid" and "seclabel"; what becomes of each line is said here',
  });
  for (const { place, key, answer } of lines) {
    problems.add(place, key, { rule: 'xl-file', ...answer });
  }
  return true;
}

function becomes(
  key: string,
  written: string,
  known: readonly string[],
): { message: string; hint: string } | undefined {
  const fate = xlKeyFate(key);
  if (fate !== undefined) return { message: `"${key}" ${fate.says}`, hint: fate.hint };
  const own = otherNames.get(key) ?? key;
  if (!known.includes(own)) return undefined;
  return {
    message:
      own === key ? 'a domain of a manifest has this, too' : `a manifest calls this "${own}"`,
    hint: `write "${own}: ${inManifest(own, written)}"`,
  };
}

/** The value as it stands in a manifest; `...` where it is more than one text or number. */
function inManifest(key: string, written: string): string {
  const value = /^(["'])(.*)\1$/.exec(written)?.[2] ?? written;
  if (/^["'[]|^$/.test(value)) {
    return /^\[.*\]$/.test(value) ? value.replaceAll('"', "'") : '...';
  }
  switch (key) {
    case 'name':
      return allowedName(value) ?? '...';
    case 'memory':
    case 'maxmem':
      return /^[0-9]+$/.test(value) ? `${value}MiB` : value;
    case 'kernel':
    case 'ramdisk':
      return value.slice(value.lastIndexOf('/') + 1);
    case 'type':
      return value === 'generic' ? 'pv' : value;
    case 'nestedhvm':
    case 'msr_relaxed':
      return String(!/^(0|false)$/i.test(value));
    default:
      return value.length > 60 ? `${value.slice(0, 56)}...` : value;
  }
}
