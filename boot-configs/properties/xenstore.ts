import { serviceFault, xenstoreServerFault } from '../../domains/rules/services.ts';
import type { Check } from '../checks/check.ts';
import { hasXenstore, isHardware } from '../draft.ts';
import { hintForHardware } from './hardware-hint.ts';
import { atCreation, property } from './property.ts';

export const xenstoreClient: Check = {
  rule: 'xenstore-client',
  says: 'xenstore and console are for domains that domain 0 serves, and console needs xenstore.',
  run({ domains }, report) {
    const server = domains.find(isHardware);
    for (const domain of domains) {
      const hardware = isHardware(domain);
      const xenstore = hasXenstore(domain);
      for (const service of ['xenstore', 'console'] as const) {
        if (!domain[service]) continue;
        const fault = serviceFault(service, { xenstore, hardware });
        if (!fault) continue;
        const hint = hardware ? hintForHardware(service, 'false') : fault.hint;
        report([...domain.path, service], fault.message, hint);
      }
      if (hardware || !xenstore || server?.domid === undefined) continue;
      const fault = xenstoreServerFault(server.domid);
      if (fault) report([...domain.path, 'xenstore'], fault.message, fault.hint);
    }
  },
};

export const xenstoreProperty = property({
  checks: [xenstoreClient],
  read: ({ xenstore = false }) => ({ xenstore }),
  asks: ({ xenstore }) => ({ xenstore }),
  shown: atCreation(({ xenstore }) => (xenstore ? { xenstore: 'true' } : undefined)),
  honouredBy: ['creation', 'record'],
  changeable: false,
});

export const consoleProperty = property({
  checks: [xenstoreClient],
  read: ({ console = false }) => ({ console }),
  asks: ({ console }) => ({ console }),
  shown: atCreation(({ console }) => (console ? { console: 'true' } : undefined)),
  honouredBy: ['creation', 'record'],
  changeable: false,
});
