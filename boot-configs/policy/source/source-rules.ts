import type { Policy } from '../model.ts';
import { type ConfToken, confTokens } from './conf-tokens.ts';

/** Names, without those of `but`; `all` and `inverted` as `*` and `~` say. */
export interface NameSet {
  all: boolean;
  inverted: boolean;
  names: readonly string[];
  but: readonly string[];
}

/** A rule as it stands in a module, macros expanded. */
export interface SourceRule {
  kind: 'allow' | 'dontaudit' | 'neverallow';
  source: NameSet;
  target: NameSet;
  classes: NameSet;
  permissions: NameSet;
  /** As the compiler reads it, in one line. */
  text: string;
  /** As m4 was given it; the line of a macro's call. */
  file: string;
  line: number;
}

/** What is asked for in rules; types by name. */
export interface AskedAccess {
  source: string;
  target: string;
  class: string;
  permission: string;
}

const KINDS: readonly string[] = ['allow', 'dontaudit', 'neverallow'];

/** The rules in what m4 makes of a policy's modules. What is no such rule, or can't be read, is left out. */
export function readSourceRules(conf: string): SourceRule[] {
  const tokens = confTokens(conf);
  const rules: SourceRule[] = [];
  for (let at = 0; at < tokens.length; at++) {
    const first = tokens[at] as ConfToken;
    // In a class or in a rule of roles these words mean something else; neither has two colons' parts.
    if (!KINDS.includes(first.text)) continue;
    const end = tokens.findIndex(({ text }, index) => index > at && text === ';');
    if (end < 0) break;
    const rule = readRule(
      first,
      tokens.slice(at + 1, end).map(({ text }) => text),
    );
    if (rule !== undefined) rules.push(rule);
    at = end;
  }
  return rules;
}

/** The rules of a kind that are about this access, in the order of the modules. */
export function rulesAbout(
  rules: readonly SourceRule[],
  policy: Policy,
  kind: SourceRule['kind'],
  access: AskedAccess,
): SourceRule[] {
  const itself = access.source === access.target;
  return rules.filter(
    (rule) =>
      rule.kind === kind &&
      inSet(rule.classes, access.class) &&
      inSet(rule.permissions, access.permission) &&
      inSet(rule.source, access.source, policy) &&
      (inSet(rule.target, access.target, policy) || (itself && rule.target.names.includes('self'))),
  );
}

function inSet(set: NameSet, name: string, policy?: Policy): boolean {
  const is = (written: string) =>
    written === name ||
    policy?.attributes.get(written)?.has(name) === true ||
    policy?.aliases.get(written)?.name === name;
  const named = (set.all || set.names.some(is)) && !set.but.some(is);
  return named !== set.inverted;
}

function readRule(
  { text: kind, file, line }: ConfToken,
  words: readonly string[],
): SourceRule | undefined {
  const rest = [...words];
  const source = readSet(rest);
  const target = readSet(rest);
  if (rest.shift() !== ':') return undefined;
  const classes = readSet(rest);
  const permissions = readSet(rest);
  if (!source || !target || !classes || !permissions || rest.length > 0) return undefined;
  const text = `${kind} ${words.join(' ').replace(' : ', ':').replaceAll('- ', '-').replaceAll('~ ', '~')};`;
  return {
    kind: kind as SourceRule['kind'],
    source,
    target,
    classes,
    permissions,
    text,
    file,
    line,
  };
}

/** Takes a name, `*`, or names in braces, each inverted or not. */
function readSet(rest: string[]): NameSet | undefined {
  const inverted = rest[0] === '~';
  if (inverted) rest.shift();
  const first = rest.shift();
  if (first === undefined) return undefined;
  if (first !== '{') {
    const all = first === '*';
    return { all, inverted, names: all ? [] : [first], but: [] };
  }
  const end = rest.indexOf('}');
  if (end < 0) return undefined;
  const inside = rest.splice(0, end + 1).slice(0, -1);
  const but = inside.filter((_, at) => inside[at - 1] === '-');
  const names = inside.filter((name, at) => name !== '-' && name !== '*' && inside[at - 1] !== '-');
  return { all: inside.includes('*'), inverted, names, but };
}
