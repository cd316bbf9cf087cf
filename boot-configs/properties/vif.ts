import type { Check } from '../checks/check.ts';
import { deviceOf } from '../device-words.ts';
import type { DomainSettings } from '../manifest.ts';
import { readVif } from '../vif-words.ts';
import { checkServed } from './disk.ts';
import { asksNothing, atCreation, property } from './property.ts';

export const vifs: Check = {
  rule: 'vif',
  says: 'vif is for domains with xenstore; no two interfaces have one address, or one name in domain 0.',
  run({ domains }, report) {
    const known = new Map<string, string>();
    for (const domain of domains) {
      const listed = domain.vif ?? [];
      if (listed.length === 0) continue;
      checkServed(domain, 'vif', report);
      for (const [index, text] of listed.entries()) {
        // A refused one is missing.
        if (text === undefined) continue;
        const path = [...domain.path, 'vif', index];
        const read = readVif(text);
        if ('fault' in read) {
          report(path, read.fault.message, read.fault.hint);
          continue;
        }
        const { mac, vifname } = read.device;
        for (const own of [mac, vifname]) {
          if (own === undefined) continue;
          const holder = known.get(own);
          if (holder !== undefined) {
            report(path, `an interface of ${holder} has ${own} already`, 'give each its own');
          }
          known.set(own, domain.name ?? 'another domain');
        }
      }
    }
  },
};

/** Domain 0 attaches them when it has introduced the domain. */
export const vifProperty = property({
  checks: [vifs],
  read: ({ vif = [] }): Pick<DomainSettings, 'vifs'> =>
    vif.length === 0 ? {} : { vifs: vif.map((text) => deviceOf(readVif(text))) },
  asks: asksNothing,
  shown: atCreation(({ vifs }) =>
    vifs === undefined
      ? undefined
      : { vif: vifs.map(({ bridge, mac }) => mac ?? bridge ?? 'vif').join(',') },
  ),
  honouredBy: ['record'],
  changeable: false,
});
