import type { EventChannel } from '../holdings.ts';
import type { Hypercalls } from '../libxencall.ts';
import { domctl, OWN_DOMCTLS, whereKnown } from './domctl.ts';
import type { XenSession } from './session.ts';

/** struct xen_domctl_get_evtchns: port@0 nr@4 evtchns@8. */
const NR_AT = 4;
const CHANNELS_AT = 8;
/** struct xen_domctl_evtchn: port@0 status@4 remote_dom@6. */
const CHANNEL_BYTES = 8;
/** For each question. */
const ROOM = 128;

/**
 * The ports of a domain that are in use, whoever made them.
 * @returns undefined when this Xen does not know the question
 */
export function eventChannelsOf(
  session: XenSession,
  calls: Hypercalls,
  domid: number,
): EventChannel[] | undefined {
  return whereKnown(() =>
    calls.withBuffer(ROOM * CHANNEL_BYTES, ({ address, bytes }) => {
      const channels: EventChannel[] = [];
      let port = 0;
      do {
        const question = Buffer.alloc(CHANNELS_AT + 8);
        question.writeUInt32LE(port);
        question.writeUInt32LE(ROOM, NR_AT);
        question.writeBigUInt64LE(address, CHANNELS_AT);
        const answer = domctl(session, calls, domid, OWN_DOMCTLS.eventChannels, question);
        for (let at = 0; at < answer.readUInt32LE(NR_AT); at++) {
          channels.push(channelIn(bytes.subarray(at * CHANNEL_BYTES), session));
        }
        port = answer.readUInt32LE();
      } while (port !== 0);
      return channels;
    }),
  );
}

function channelIn(bytes: Buffer, { layout }: XenSession): EventChannel {
  const { EVTCHNSTAT_unbound, EVTCHNSTAT_interdomain, DOMID_INVALID } = layout.constants;
  const [port, status, remote] = [
    bytes.readUInt32LE(),
    bytes.readUInt16LE(4),
    bytes.readUInt16LE(6),
  ];
  const states = new Map([
    [EVTCHNSTAT_unbound, 'waiting'],
    [EVTCHNSTAT_interdomain, 'joined'],
  ] as const);
  return {
    port,
    state: states.get(status) ?? 'bound',
    peer: remote === DOMID_INVALID ? undefined : remote,
  };
}
