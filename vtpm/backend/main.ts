import { writeFileSync } from 'node:fs';
import { openLibxengnttab } from '../../bindings/libxengnttab.ts';
import { Backend } from './backend.ts';
import type { Rings } from './device.ts';
import { EventChannels } from './event-channels.ts';
import { GrantedPage } from './granted-page.ts';
import { startSoftwareTpm } from './software-tpm.ts';
import { Xenstore } from './xenstore.ts';

/** Each guest's swtpm has a user of its own: this number and the guest's domid, which is below 0x7FF0. */
const FIRST_USER = 0x10000;

const say = (text: string) => writeFileSync('/dev/kmsg', `vtpm: ${text}\n`);

async function main(): Promise<never> {
  const channels = new EventChannels();
  const library = openLibxengnttab();
  const grants = library.xengnttab_open({ logger: 0n, flags: 0 });
  const rings: Rings = {
    map: (domid, reference) => new GrantedPage(library, grants, domid, reference),
    bind: (domid, remotePort, notified) => channels.bind(domid, remotePort, notified),
    notify: (port) => channels.notify(port),
    unbind: (port) => channels.unbind(port),
  };
  const backend = new Backend({
    ...{ store: new Xenstore(), rings, say },
    startTpm: (domid, device, died) =>
      startSoftwareTpm({
        ...{ directory: `/run/vtpm/${domid}-${device}`, uid: FIRST_USER + domid, died },
      }),
  });
  say('waits for guests');
  return Promise.race([channels.serve(), backend.serve()]);
}

main().catch((error: Error) => {
  say(`FAILED: ${error.stack}`);
  process.exit(1);
});
