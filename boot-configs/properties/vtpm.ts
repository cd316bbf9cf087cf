import type { Check } from '../checks/check.ts';
import type { DraftDomain } from '../draft.ts';
import type { DomainSettings } from '../manifest.ts';
import { startOrder } from '../start-order.ts';
import { nearest } from '../suggest.ts';
import { asksNothing, atCreation, property } from './property.ts';

export const vtpmBackend: Check = {
  rule: 'vtpm-backend',
  says: 'vtpm names another domain of this manifest, which is pv and started; dom0 serves none.',
  run({ domains, incomplete }, report) {
    const names = new Set(domains.flatMap(({ name }) => (name === undefined ? [] : [name])));
    for (const { path, name, vtpm } of domains) {
      if (vtpm === undefined) continue;
      const at = [...path, 'vtpm'];
      const backend = domains.find((other) => other.name === vtpm);
      if (vtpm === name) {
        report(at, 'the domain names itself', 'name the domain that serves its TPM');
      } else if (backend?.capabilities?.includes('hardware')) {
        report(at, `${vtpm} is the hardware domain, which serves no vTPMs`, 'name a vTPM domain');
      } else if (backend?.type !== undefined && backend.type !== 'pv') {
        // To introduce a running PVH domain, dom0 has to map it, which no policy of ours allows for this one.
        report(
          at,
          `${vtpm} is ${backend.type}, and only a pv domain can serve vTPMs`,
          `write "type: pv" for ${vtpm}`,
        );
      } else if (backend?.autostart === false) {
        report(
          at,
          `${vtpm} has "autostart: false", so it serves nobody`,
          'remove "vtpm" here, or "autostart: false" there',
        );
      } else if (backend === undefined && !incomplete && names.size === domains.length) {
        const meant = nearest(vtpm, names);
        const hint =
          meant === undefined ? 'name a domain of this manifest' : `did you mean "${meant}"?`;
        report(at, 'there is no domain of this name', hint);
      }
    }
  },
};

export const vtpmXenstore: Check = {
  rule: 'vtpm-xenstore',
  says: 'A domain with a vTPM, and the domain that serves it, have xenstore; that with the capability xenstore has.',
  run({ domains }, report) {
    for (const { path, guest, backend } of pairs(domains)) {
      const lacking = [guest, backend].filter(
        (domain) =>
          domain.xenstore !== true &&
          domain.capabilities?.includes('xenstore') !== true &&
          !domain.refused('xenstore'),
      );
      if (lacking.length === 0) continue;
      const names = lacking.map(({ name }) => name).join(' and ');
      report(
        path,
        `a vTPM is found through xenstore, which ${names} ${lacking.length === 1 ? 'has' : 'have'} not got`,
        `write "xenstore: true" for ${names}`,
      );
    }
  },
};

export const vtpmCritical: Check = {
  rule: 'vtpm-critical',
  says: 'A critical domain does not depend for its vTPM on one that is not critical.',
  run({ domains }, report) {
    for (const { path, guest, backend } of pairs(domains)) {
      if (guest.critical === false || guest.refused('critical')) continue;
      if (backend.critical !== false) continue;
      report(
        path,
        `the domain is critical, but the boot goes on without ${backend.name}, which serves its vTPM`,
        `remove "critical: false" from ${backend.name}, or add it here`,
      );
    }
  },
};

export const vtpmOrder: Check = {
  rule: 'vtpm-order',
  says: 'A domain is started after the one that serves its vTPM.',
  run({ domains }, report) {
    const served = pairs(domains);
    if (served.length === 0) return;
    const named = domains.flatMap(({ name, after = [] }) =>
      name === undefined ? [] : [{ name, after }],
    );
    const order = startOrder(named).order.map(({ name }) => name);
    for (const { path, guest, backend } of served) {
      if (guest.autostart === false || guest.refused('after')) continue;
      const places = [guest, backend].map(({ name = '' }) => order.indexOf(name));
      const [own = -1, server = -1] = places;
      // A domain in a cycle has no place; that is reported as such.
      if (own === -1 || server === -1 || server < own) continue;
      report(
        path,
        `the domain is started before ${backend.name}, which serves its vTPM`,
        `write "after: [${backend.name}]"`,
      );
    }
  },
};

/**
 * xenstored lets a domain other than domain 0 own so many nodes (quota-nb-entry, xenstored's manual page), each guest's device
 * takes so many of those of the domain that serves it (introduction/vtpm-nodes.ts, and the one that it adds itself), and so many
 * it needs for itself: 19, and those of its messages with domain 0 (vtpm/state/mailbox.ts).
 */
const [STORE_NODES, NODES_OF_DEVICE, NODES_OF_DOMAIN] = [1000, 9, 19 + 23];
const MOST_GUESTS = Math.floor((STORE_NODES - NODES_OF_DOMAIN) / NODES_OF_DEVICE);

export const vtpmGuests: Check = {
  rule: 'vtpm-guests',
  says: `A domain serves at most ${MOST_GUESTS} vTPMs.`,
  run({ domains }, report) {
    const served = new Map<string, number>();
    for (const { path, backend } of pairs(domains)) {
      const name = backend.name ?? '';
      const count = (served.get(name) ?? 0) + 1;
      served.set(name, count);
      if (count !== MOST_GUESTS + 1) continue;
      report(
        path,
        `${name} would serve more than ${MOST_GUESTS} vTPMs: xenstored lets a domain have ${STORE_NODES} nodes, and each takes ${NODES_OF_DEVICE}`,
        'let another domain serve this and the following ones',
      );
    }
  },
};

/** Domains that may have a vTPM and have one, each with the domain that serves it. */
function pairs(domains: readonly DraftDomain[]) {
  return domains.flatMap((guest) => {
    if (guest.vtpm === undefined) return [];
    const backend = domains.find(({ name }) => name !== undefined && name === guest.vtpm);
    if (backend === undefined || backend === guest) return [];
    if (backend.capabilities?.includes('hardware')) return [];
    return [{ path: [...guest.path, 'vtpm'], guest, backend }];
  });
}

/** Domain 0 introduces the device; domB tells it, and tells both ends of each other in ways that domain 0 has no part in. */
export const vtpmProperty = property({
  checks: [vtpmBackend, vtpmGuests, vtpmXenstore, vtpmOrder, vtpmCritical],
  read: ({ vtpm }): Pick<DomainSettings, 'vtpm'> => (vtpm === undefined ? {} : { vtpm }),
  asks: asksNothing,
  shown: atCreation(({ vtpm }) => (vtpm === undefined ? undefined : { vtpm })),
  honouredBy: ['build', 'steps', 'measurement', 'record'],
  changeable: false,
});
