/** Values that no manifest gives, as its schema has ranges, and that the hypervisor's structures could not hold. */
import type { DomainProperties, Limit } from '../settings.ts';
import type { Fault } from './rule.ts';

/** The highest port of the FIFO event channels, EVTCHN_FIFO_NR_CHANNELS in xen/event_channel.h. */
const MOST_EVENT_CHANNELS = (1 << 17) - 1;

export function formFaults(domain: DomainProperties): Fault[] {
  const { domid, memoryKiB, maxMemoryKiB, vcpus, maxVcpus, cpus, limits } = domain;
  const { grantFrames, maptrackFrames, eventChannels } = limits;
  const wrong: [boolean, string, string][] = [
    [!within(domid, 0, 0xffff), `${domid} is no domid`, 'domids are integers of 16 bits'],
    [!isMemory(memoryKiB), `${memoryKiB} KiB are no memory size`, 'give whole pages of 4 KiB'],
    [!isMemory(maxMemoryKiB), `${maxMemoryKiB} KiB are no maximum`, 'give whole pages of 4 KiB'],
    [!within(vcpus, 1), `${vcpus} is no number of vCPUs`, 'give it at least one vCPU'],
    [!within(maxVcpus, 1), `${maxVcpus} is no number of vCPUs`, 'give it at least one vCPU'],
    [cpus.length === 0, 'it has no CPU to run on', 'name at least one CPU'],
    [!limited(grantFrames, 1), `${grantFrames} are no grant frames`, 'ask for 1 or more'],
    [!limited(maptrackFrames, 0), `${maptrackFrames} are no maptrack frames`, 'ask for 0 or more'],
    [
      !limited(eventChannels, 1, MOST_EVENT_CHANNELS),
      `${eventChannels} is no highest event channel port`,
      `ask for 1 to ${MOST_EVENT_CHANNELS}`,
    ],
  ];
  return wrong.flatMap(([is, message, hint]) => (is ? [{ message, hint }] : []));
}

export function uuidFault(uuid: string): Fault | undefined {
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(uuid)) return undefined;
  return { message: `${uuid} is no UUID`, hint: 'write it in canonical form, 36 characters' };
}

function within(value: number, least: number, most: number = Number.MAX_SAFE_INTEGER): boolean {
  return Number.isSafeInteger(value) && value >= least && value <= most;
}

function isMemory(kib: number): boolean {
  return within(kib, 1) && kib % 4 === 0;
}

function limited(limit: Limit, least: number, most?: number): boolean {
  return limit === 'default' || within(limit, least, most);
}
