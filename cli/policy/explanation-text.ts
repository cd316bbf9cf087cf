import type { PolicyExplanation, Right } from '../../boot-configs/policy/explain/explanation.ts';
import type { Party } from '../../boot-configs/policy/explain/parties.ts';
import { plainActions } from '../../boot-configs/policy/meaning/plain-actions.ts';
import { entry } from './lines.ts';

/** Powers over a domain in a word, by the plain actions that they take; the first that say it all are told. */
const powers: readonly [actions: readonly string[], says: string][] = [
  [['read-memory', 'write-memory'], 'read and write its memory'],
  [['read-memory'], 'read its memory'],
  [['write-memory'], 'write its memory'],
  [['read-registers', 'set-registers'], 'read and set its registers'],
  [['read-registers'], 'read its registers'],
  [['set-registers'], 'set its registers'],
  [['watch'], 'watch it'],
  [['pause', 'destroy'], 'stop and destroy it'],
  [['pause'], 'stop it'],
  [['shutdown'], 'shut it down'],
  [['destroy'], 'destroy it'],
  [['map-grants'], 'map pages that it grants'],
];

/** Who may do what to whom, for people: a page. With `all` every permission stands behind the words. */
export function explanationText(explanation: PolicyExplanation, all: boolean): string {
  const { parties, rights, permissive } = explanation;
  const sources = parties.map((party) => {
    const own = rights.filter(({ source }) => source === party.type);
    const lines = together(own, (right) => words(right, all)).map(([says, same]) =>
      entry(same.map((right) => targetName(explanation, right)).join(', '), says),
    );
    return `\n${party.name} (${party.type}) may\n${lines.join('') || '  do nothing\n'}`;
  });
  const targets = parties.filter(({ boot }) => !boot);
  return [
    'Domains\n',
    ...parties.map((party) => entry(party.name, whoIs(party))),
    ...permissive.map((type) => `\nXen refuses ${type} nothing: the policy calls it permissive.\n`),
    '\nWho has power over them\n',
    ...targets.map((party) => entry(party.name, powerOver(explanation, party))),
    ...sources,
  ].join('');
}

/** Kinds of targets of which those that are told the same are told together. */
const alike: readonly Right['kind'][] = ['building', 'hardware'];

function together(
  rights: readonly Right[],
  wordsOf: (right: Right) => string,
): [string, Right[]][] {
  const groups = Map.groupBy(rights, (right) =>
    JSON.stringify([wordsOf(right), right.kind, alike.includes(right.kind) || right.target]),
  );
  return [...groups.values()].map((same) => [wordsOf(same[0] as Right), same]);
}

function whoIs({ type, domains, later, boot, building }: Party): string {
  const domids = domains.map(({ domid }) => domid);
  const few = domids.length === 1 ? 'domain' : 'domains';
  const built = building === undefined ? '' : `; while it is built ${building}`;
  const which = [
    ...(boot ? ['the boot domain, until it halts'] : []),
    ...(domids.length > 0 ? [`${few} ${domids.join(', ')}`] : []),
    ...(later ? [domids.length > 0 ? 'and what is created later' : 'created later'] : []),
  ];
  return `${type}${built}: ${which.join(' ')}`;
}

function powerOver({ parties, rights }: PolicyExplanation, party: Party): string {
  const over = rights.filter(({ target, kind }) => target === party.type && kind === 'domain');
  const said = over.flatMap(({ source, permissions }) => {
    const held = new Set(permissions.map((each) => `${each.class}:${each.permission}`));
    const can = (action: string) => plainActions[action]?.some((name) => held.has(name)) === true;
    const told = new Set<string>();
    const words = powers.filter(([actions]) => {
      const now = actions.every(can) && !actions.every((action) => told.has(action));
      if (now) for (const action of actions) told.add(action);
      return now;
    });
    if (words.length === 0) return [];
    return [`${partyName(parties, source)} can ${words.map(([, says]) => says).join(', ')}`];
  });
  return said.join('; ') || 'nobody has';
}

function words({ may, permissions }: Right, all: boolean): string {
  if (!all) return may.join('; ');
  const classes = Map.groupBy(permissions, (each) => each.class);
  const names = [...classes].map(
    ([name, held]) => `${name} { ${held.map(({ permission }) => permission).join(' ')} }`,
  );
  return `${may.join('; ')} [${names.join(' ')}]`;
}

function targetName(
  { parties, things }: PolicyExplanation,
  { source, target, kind }: Right,
): string {
  if (kind === 'itself') return 'itself';
  if (kind === 'building') {
    const built = parties.find(({ building }) => building === target);
    return `${built?.name ?? target} being built`;
  }
  if (kind === 'domain') return source === target ? 'each other' : partyName(parties, target);
  const name = things.find(({ type }) => type === target)?.name;
  return kind === 'hardware' ? `${name} (${target})` : `${name}`;
}

/** The boot domain may share its type with the first domain; then both are meant. */
function partyName(parties: readonly Party[], type: string): string {
  const named = parties.filter((party) => party.type === type).map(({ name }) => name);
  return named.join('/');
}
