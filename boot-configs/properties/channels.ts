import type { Check } from '../checks/check.ts';
import { isHardware } from '../draft.ts';
import type { JoinedPort } from '../manifest.ts';
import type { Path } from '../path.ts';
import { nearest } from '../suggest.ts';
import { asksNothing, atCreation, property } from './property.ts';

/** MAX_LINKS_PER_DOMAIN, xen/common/argo.c of our series. */
const MOST_SENDING = 64;

export const channelEnds: Check = {
  rule: 'channel-ends',
  says: `A channel joins two different domains of this manifest, neither of them the hardware domain; a port sends to one port, and at most ${MOST_SENDING} ports of a domain send.`,
  run({ domains, incomplete }, report) {
    const names = new Set(domains.flatMap(({ name }) => (name === undefined ? [] : [name])));
    const whole = !incomplete && names.size === domains.length;
    /** The ports of each domain that send. */
    const sending = new Map<string, Set<number>>();
    const send = (path: Path, name: string, port: number): void => {
      const ports = sending.get(name) ?? new Set();
      sending.set(name, ports);
      if (ports.has(port)) {
        report(path, `port ${port} of ${name} sends somewhere already`, 'take another port');
      } else if (ports.size === MOST_SENDING) {
        report(path, `more than ${MOST_SENDING} ports of ${name} would send`, 'use fewer');
      }
      ports.add(port);
    };
    for (const domain of domains) {
      for (const [index, text] of (domain.channels ?? []).entries()) {
        const path = [...domain.path, 'channels', index];
        if (text === undefined || domain.name === undefined) continue;
        const { port, peer, peerPort, twoWay } = channelOf(text);
        const other = domains.find(({ name }) => name === peer);
        if (isHardware(domain) || (other !== undefined && isHardware(other))) {
          report(path, 'the hardware domain has no channels', 'remove it');
        } else if (peer === domain.name) {
          report(path, 'the domain names itself', 'name another domain');
        } else if (other === undefined && whole) {
          const meant = nearest(peer, names);
          const hint =
            meant === undefined ? 'name a domain of this manifest' : `did you mean "${meant}"?`;
          report(path, 'there is no domain of this name', hint);
        } else {
          send(path, domain.name, port);
          if (twoWay) send(path, peer, peerPort);
        }
      }
    }
  },
};

/** What `1=storage:100` stands for; the schema has checked the form. */
export function channelOf(text: string): JoinedPort {
  const [, port = '', way, peer = '', peerPort = ''] = /^(\d+)([=>])(.+):(\d+)$/.exec(text) ?? [];
  return { port: Number(port), peer, peerPort: Number(peerPort), twoWay: way === '=' };
}

const written = ({ port, peer, peerPort, twoWay }: JoinedPort): string =>
  `${port}${twoWay ? '=' : '>'}${peer}:${peerPort}`;

export const channelsProperty = property({
  checks: [channelEnds],
  read: ({ channels = [] }) => ({ channels: channels.map(channelOf) }),
  asks: asksNothing,
  shown: atCreation(({ channels }) =>
    channels.length > 0 ? { channels: channels.map(written).join(',') } : undefined,
  ),
  honouredBy: ['steps'],
  changeable: false,
});
