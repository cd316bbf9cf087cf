import type { PolicyExplanation, Right } from './explanation.ts';
import type { Party } from './parties.ts';

/** How two are joined, the strongest first. A line shows the first that holds. */
const joints: readonly { says: string; arrow: string; by: (right: Right) => boolean }[] = [
  {
    says: 'reads and writes its memory',
    arrow: '==>',
    by: (right) => has(right, 'mmu:map_write') || has(right, 'domain:setdebugging'),
  },
  { says: 'reads its memory', arrow: '==>', by: (right) => has(right, 'mmu:map_read') },
  {
    says: 'starts and stops it',
    arrow: '-->',
    by: (right) => ['domain:destroy', 'domain:pause', 'domain:shutdown'].some((p) => has(right, p)),
  },
];

/**
 * A picture of the domains and what joins them, for Mermaid: thick arrows lead to whose memory can be read, thin ones to who can
 * be stopped; lines without a head are pages that are granted; dotted ones lead to hardware. The boot domain is left out, as it
 * halts.
 */
export function pictureOf({ parties, things, rights }: PolicyExplanation): string {
  const present = parties.filter(({ boot }) => !boot);
  const node = (type: string) =>
    `n${[...parties, ...things].findIndex((all) => all.type === type)}`;
  const domains = present.map(
    (party) => `  ${node(party.type)}["${text(party.name)}<br>${text(party.type)}"]`,
  );
  const between = rights.filter(({ kind }) => kind === 'domain');
  const ofPresent = (type: string) => present.some((party) => party.type === type);
  const held = between.filter(({ source, target }) => ofPresent(source) && ofPresent(target));
  const power = held.flatMap((right) => {
    const joint = joints.find(({ by }) => by(right));
    if (joint === undefined) return [];
    return [`  ${node(right.source)} ${joint.arrow}|${joint.says}| ${node(right.target)}`];
  });
  const shared = pairs(present).flatMap(([one, other]) => {
    const words = sharedBetween(held, one.type, other.type);
    return words === '' ? [] : [`  ${node(one.type)} ---|${words}| ${node(other.type)}`];
  });
  const hardware = things
    .filter(({ kind }) => kind === 'hardware')
    .flatMap(({ type, name }) => {
      const users = rights.filter((right) => right.target === type && usesHardware(right));
      const lines = users.filter(({ source }) => ofPresent(source));
      if (lines.length === 0) return [];
      return [
        `  ${node(type)}[/"${text(name)}<br>${text(type)}"/]`,
        ...lines.map(({ source }) => `  ${node(source)} -.-> ${node(type)}`),
      ];
    });
  return ['flowchart TD', ...domains, ...power, ...shared, ...hardware, ''].join('\n');
}

function sharedBetween(rights: readonly Right[], one: string, other: string): string {
  const both = rights.filter(
    ({ source, target }) =>
      (source === one && target === other) || (source === other && target === one),
  );
  const grants = both.some((right) => has(right, 'grant:map_read') || has(right, 'grant:copy'));
  const events = both.some(({ may }) => may.includes('share event channels with it'));
  return [...(grants ? ['granted pages'] : []), ...(events ? ['events'] : [])].join(', ');
}

function usesHardware(right: Right): boolean {
  return right.permissions.some(
    ({ class: name, permission }) =>
      (name === 'resource' && permission.startsWith('use')) ||
      (name === 'mmu' && permission === 'map_write'),
  );
}

function pairs(parties: readonly Party[]): [Party, Party][] {
  return parties.flatMap((one, at) =>
    parties.slice(at + 1).map((other): [Party, Party] => [one, other]),
  );
}

function has({ permissions }: Right, name: string): boolean {
  return permissions.some((each) => `${each.class}:${each.permission}` === name);
}

/** Names come from manifests and policies: no quotes and no markup. */
function text(name: string): string {
  return name.replace(/[^\w .,:()/-]/g, ' ');
}
