import type { HashAlgorithm, PcrValues } from 'node-tpm2-pts';
import { imageItem, manifestItem } from '../../measurement/content.ts';
import { encodeCap, encodeItem, type Target } from '../../measurement/encode.ts';
import type { LogEvent } from '../../measurement/event-log/format.ts';
import { encodeEvent, encodeHeader } from '../../measurement/event-log/write.ts';
import type { MeasuredItem } from '../../measurement/events.ts';
import type { Evidence } from '../../measurement/evidence/evidence.ts';
import { pcrValues } from '../../measurement/predict.ts';
import { SoftwareAk } from './software-ak.ts';

export const NONCE = Buffer.from('a nonce of the verifier');
export const TARGET: Target = { pcr: 13, banks: ['sha1', 'sha256', 'sha384'] };

/** What a boot of two domains measures. */
export const ITEMS: readonly MeasuredItem[] = [
  manifestItem(Buffer.from('version: 1\n')),
  {
    event: 'configuration',
    configuration: { version: 1, domains: [{ name: 'dom0', memoryKiB: 524288 }, { name: 'vtpm' }] },
  },
  ...['vtpm', 'dom0'].flatMap((domain, i): MeasuredItem[] => [
    {
      event: 'domain',
      domain,
      domid: i === 0 ? 32736 : 0,
      type: 'pv',
      seclabel: `system_u:system_r:${domain}_t`,
      capabilities: i === 0 ? [] : ['control', 'hardware'],
    },
    imageItem(domain, 'kernel', Buffer.from(`kernel of ${domain}`)),
    imageItem(domain, 'ramdisk', Buffer.from(`ramdisk of ${domain}`)),
    imageItem(domain, 'cmdline', Buffer.from('console=hvc0')),
  ]),
];

export function eventsOf(items: readonly MeasuredItem[], { capped = true } = {}): LogEvent[] {
  const events = items.map((item, i) => encodeItem(item, i, TARGET));
  return capped ? [...events, encodeCap(TARGET)] : events;
}

export function logOf(events: readonly LogEvent[], banks = TARGET.banks): Buffer {
  return Buffer.concat([encodeHeader(banks), ...events.map(encodeEvent)]);
}

/** Evidence that a TPM whose PCR 13 went through `events` would give. */
export function evidenceOf(
  events: readonly LogEvent[] = eventsOf(ITEMS),
  ak: SoftwareAk = new SoftwareAk(),
): Evidence {
  const pcrs: PcrValues = new Map(
    [...pcrValues(events, TARGET)].map(([bank, value]): [HashAlgorithm, Map<number, Buffer>] => [
      bank,
      new Map([
        [4, Buffer.alloc(value.length, 4)],
        [13, value],
      ]),
    ]),
  );
  return {
    log: logOf(events),
    ak: ak.publicArea,
    pcrs,
    quote: ak.quote(pcrs, { nonce: NONCE }),
  };
}
