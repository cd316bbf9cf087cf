import type { Check } from '../checks/check.ts';
import { startOrder } from '../start-order.ts';
import { nearest } from '../suggest.ts';
import { asksNothing, property } from './property.ts';

export const afterKnown: Check = {
  rule: 'after-unknown',
  says: 'after names domains of this manifest.',
  run({ domains, incomplete }, report) {
    // A name that was refused may be the one that is meant.
    if (incomplete || domains.some((domain) => domain.name === undefined)) return;
    const names = new Set(domains.map((domain) => domain.name ?? ''));
    for (const { path, after = [] } of domains) {
      for (const [index, name] of after.entries()) {
        if (name === undefined || names.has(name)) continue;
        const meant = nearest(name, names);
        report(
          [...path, 'after', index],
          'there is no domain of this name',
          meant === undefined ? 'name a domain of this manifest' : `did you mean "${meant}"?`,
        );
      }
    }
  },
};

export const afterCycle: Check = {
  rule: 'after-cycle',
  says: 'No domain waits for itself, directly or through others.',
  run({ domains }, report) {
    const named = domains.flatMap(({ path, name, after = [] }) =>
      name === undefined ? [] : [{ path, name, after }],
    );
    for (const cycle of startOrder(named).cycles) {
      const [name = '', next = name] = cycle;
      const domain = named.find((candidate) => candidate.name === name);
      if (domain === undefined) continue;
      report(
        [...domain.path, 'after', domain.after.indexOf(next)],
        cycle.length === 1
          ? 'the domain waits for itself'
          : `these domains wait for each other: ${[...cycle, name].join(' after ')}`,
        'remove one of the names from "after"',
      );
    }
  },
};

/** The effective manifest has the domains in the order in which they start. */
export const afterProperty = property({
  checks: [afterKnown, afterCycle],
  read: () => ({}),
  asks: asksNothing,
  shown: 'steps',
  honouredBy: ['steps', 'measurement', 'record'],
  changeable: false,
});
