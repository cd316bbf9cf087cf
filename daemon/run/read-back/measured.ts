import type { DomainHoldings, EventChannel } from '../../../bindings/holdings.ts';
import { rangeTexts } from './differences.ts';

/** What was found, as it is measured: ranges are text, ports and pages in hexadecimal. */
export function measuredHoldings(found: DomainHoldings): Record<string, unknown> {
  const { domid: _, permissions, creation, grants, eventChannels, ...plain } = found;
  return {
    ...plain,
    ...(eventChannels === undefined ? {} : { eventChannels: eventChannels.map(channelJson) }),
    ...(grants === undefined ? {} : { grants }),
    ...(permissions === undefined
      ? {}
      : {
          ioports: rangeTexts(permissions.ioports, 16),
          iomem: rangeTexts(permissions.iomem, 16),
          irqs: rangeTexts(permissions.irqs, 10),
          pci: permissions.pci,
        }),
    ...(creation === undefined ? {} : { creation }),
  };
}

function channelJson({ peer, ...channel }: EventChannel): Record<string, unknown> {
  return { ...channel, ...(peer === undefined ? {} : { peer }) };
}

/** What this Xen did not tell, in the words of {@link measuredHoldings}. */
export function unreadOf({ eventChannels, permissions, creation }: DomainHoldings): string[] {
  return [
    ...(eventChannels === undefined ? ['eventChannels'] : []),
    ...(permissions === undefined ? ['ioports', 'iomem', 'irqs', 'pci'] : []),
    ...(creation === undefined ? ['creation'] : []),
  ];
}
