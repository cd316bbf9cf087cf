/** What Xen refused, as its console tells it; equal lines are one. */
export interface Denial {
  /** Types. */
  source: string;
  target: string;
  class: string;
  permissions: string[];
  /** How often, and in which line first, counted from 1. */
  count: number;
  line: number;
}

/** What a console tells of refusals. */
export interface Denials {
  found: Denial[];
  /** Lines that look like a refusal and are not Xen's own: domains print what they like. */
  notXens: number[];
  /** Lines of Xen's that are a refusal, and broken or of nobody that has a label. */
  unclear: number[];
  /** True when there were more different refusals than were kept. */
  more: boolean;
}

/** Characters; Xen's own lines have some 300. What follows is not looked at. */
const LONGEST_LINE = 2000;
/** Different refusals. */
const MOST = 500;
/** Line numbers that are kept. */
const MOST_LINES = 100;

const looksLike = /avc:\s{1,4}denied/i;
/** avc_audit and avc_dump_query of xen/xsm/flask/avc.c. */
const refusal =
  /\(XEN\) (?:\[[^\]]{0,40}\] )?avc: {2}denied {2}?\{((?: \w{1,40}){1,32}) \} for .{0,300}?scontext=(\S{1,200}) tcontext=(\S{1,200}) tclass=(\w{1,40})/;
/** Xen marks what a domain prints with its domid, except for the hardware domain. */
const ofDomain = /^[^(]{0,60}\(d[0-9]{1,5}\)/;
const name = /^[\w.$-]{1,80}$/;

/** The refusals in the text of a console, which nobody vouches for: whoever writes to it can put anything there. */
export function denialsIn(text: string): Denials {
  const byName = new Map<string, Denial>();
  const denials: Denials = { found: [], notXens: [], unclear: [], more: false };
  let line = 0;
  for (const whole of text.split('\n')) {
    line++;
    const part = whole.slice(0, LONGEST_LINE);
    if (!looksLike.test(part)) continue;
    const own = part.includes('(XEN) ') && !ofDomain.test(part);
    const denial = own ? readDenial(part, line) : undefined;
    if (denial === undefined) {
      const list = own ? denials.unclear : denials.notXens;
      if (list.length < MOST_LINES) list.push(line);
      continue;
    }
    const key = [denial.source, denial.target, denial.class].join(' ');
    const known = byName.get(key);
    if (known !== undefined) {
      known.count++;
      known.permissions = [...new Set([...known.permissions, ...denial.permissions])];
    } else if (byName.size < MOST) byName.set(key, denial);
    else denials.more = true;
  }
  return { ...denials, found: [...byName.values()] };
}

function readDenial(text: string, line: number): Denial | undefined {
  const [, permissions = '', from = '', to = '', about = ''] = refusal.exec(text) ?? [];
  const source = from.split(':')[2] ?? '';
  const target = to.split(':')[2] ?? '';
  const names = permissions.trim().split(' ');
  // A permission without a name is one that Xen's own headers lack.
  const known = [source, target, about].every((each) => name.test(each));
  if (!known || names.some((each) => each.startsWith('0x'))) return undefined;
  return { source, target, class: about, permissions: names, count: 1, line };
}
