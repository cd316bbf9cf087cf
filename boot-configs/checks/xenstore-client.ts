import type { Check } from './check.ts';

export const xenstoreClient: Check = {
  rule: 'xenstore-client',
  says: 'xenstore and console are for domains that domain 0 serves, and console needs xenstore.',
  run({ domains }, report) {
    const server = domains.find(({ capabilities }) => capabilities?.includes('hardware'));
    for (const domain of domains) {
      const { path, capabilities, xenstore = false, console = false } = domain;
      if (capabilities?.includes('hardware')) {
        for (const [property, wanted] of Object.entries({ xenstore, console })) {
          if (!wanted) continue;
          const message = 'the hardware domain serves xenstore and consoles itself';
          report([...path, property], message, `remove "${property}"`);
        }
        continue;
      }
      if (xenstore && server?.domid !== undefined && server.domid !== 0) {
        // There xenstored takes its local clients for domain 0, and they lack its rights.
        report(
          [...path, 'xenstore'],
          `a hardware domain that is domain ${server.domid} can't introduce others to xenstore`,
          'remove "xenstore", or boot a Xen with the boot-domain option and give the hardware domain domid 0',
        );
      }
      if (console && !xenstore && !domain.refused('xenstore')) {
        report([...path, 'console'], 'a console is found through xenstore', 'add "xenstore: true"');
      }
    }
  },
};
