import { always, type Door, notCalledByVirtual, question } from './door.ts';

const plain = (attempt: string, asks: string, number = 0): Door => ({
  ...{ attempt, number, of: 'domain', result: 'EACCES', earlier: [] },
  asks: question(asks),
});

const granted = (attempt: string, asks: string, number = 0): Door => ({
  ...plain(attempt, asks, number),
  result: 'GNTST_permission_denied',
});

const DOMID_SELF = 0x7ff0;

/** Event channels and grants: xen/include/public/event_channel.h, grant_table.h. */
export const channelDoors: readonly Door[] = [
  // A port in somebody else's table, towards oneself and towards dom0.
  plain('allocate-port', 'event remote_create', DOMID_SELF),
  plain('allocate-port', 'event remote_create', 0),
  plain('port-status', 'event remote_status', 8),
  plain('reset-ports', 'event reset'),
  {
    ...plain('bind-any-port', 'nothing', 64),
    earlier: [always('EINVAL', 'no port there waits for the caller')],
    // What dom0 serves has ports that wait for it.
    onlyBy: ['guest', 'guarded', 'driver', 'vtpm'],
  },
  granted('map-grant', 'grant map_read,map_write', 1),
  granted('copy-to-grant', 'grant copy', 1),
  {
    ...granted('copy-from-grant', 'grant copy', 1),
    // FLASK looks from the source of the bytes to where they go.
    asks: ({ caller, target }) => ({
      ...{ source: target.type, target: caller.type, class: 'grant', permissions: ['copy'] },
    }),
  },
  granted('grant-setup', 'grant setup'),
  { ...granted('grant-status-frames', 'grant setup'), earlier: [notCalledByVirtual()] },
  granted('grant-size', 'grant query'),
  plain('grant-version', 'grant query'),
];
