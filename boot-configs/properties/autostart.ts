import type { Check } from '../checks/check.ts';
import { hintForHardware } from './hardware-hint.ts';
import { asksNothing, property } from './property.ts';

export const autostartOrder: Check = {
  rule: 'autostart',
  says: 'The hardware domain is started; a domain that is not has no place in the order of starting.',
  run({ domains }, report) {
    const paused = new Set(
      domains.flatMap((domain) => (domain.autostart === false ? [domain.name] : [])),
    );
    for (const { path, autostart: starts, capabilities, after = [] } of domains) {
      if (starts === false && capabilities?.includes('hardware')) {
        report(
          [...path, 'autostart'],
          'without the hardware domain there is nobody to start anything',
          hintForHardware('autostart', 'true'),
        );
      }
      if (starts === false && after.length > 0) {
        report(
          [...path, 'after'],
          'the domain is not started, so it waits for nothing',
          'remove "after", or "autostart: false"',
        );
      }
      for (const [index, name] of after.entries()) {
        if (starts === false || name === undefined || !paused.has(name)) continue;
        report(
          [...path, 'after', index],
          `${name} has "autostart: false", so nothing is started after it`,
          'remove the name here, or "autostart: false" there',
        );
      }
    }
  },
};

export const autostartProperty = property({
  checks: [autostartOrder],
  read: ({ autostart = true }) => ({ autostart }),
  asks: asksNothing,
  shown: 'steps',
  honouredBy: ['steps', 'record'],
  changeable: true,
});
