import { randomUUID } from 'node:crypto';
import { type HashAlgorithm, hashSize, objectName, type PcrValues } from 'node-tpm2-pts';
import type { Target } from '../../measurement/encode.ts';
import type { LogEvent } from '../../measurement/event-log/format.ts';
import { encodeEvent, encodeHeader } from '../../measurement/event-log/write.ts';
import type { HypervisorItem, MeasuredItem } from '../../measurement/events.ts';
import { type Evidence, FIRMWARE_PCRS } from '../../measurement/evidence/evidence.ts';
import { pcrValues, predict, registerValues } from '../../measurement/predict.ts';
import { imageItem, manifestItem } from './items.ts';
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

/** The register that guests' images go into. */
export const GUEST_PCR = 14;

/** What two guests add to {@link ITEMS}, whose images are in a register of their own; one has a ramdisk that nobody measures. */
export const GUEST_ITEMS: readonly MeasuredItem[] = ['guest', 'panel'].flatMap(
  (domain, i): MeasuredItem[] => [
    {
      ...{ event: 'domain', domain, domid: 1 + i, type: 'pv' },
      ...{ seclabel: 'system_u:system_r:domU_t', capabilities: [], pcr: GUEST_PCR },
      ...(domain === 'panel' ? { unmeasured: ['ramdisk'] } : {}),
    },
    imageItem(domain, 'kernel', Buffer.from('kernel of guests')),
    ...(domain === 'panel' ? [] : [imageItem(domain, 'ramdisk', Buffer.from('of the guest'))]),
    imageItem(domain, 'cmdline', Buffer.from(`domb.name=${domain}`)),
  ],
);

export function eventsOf(
  items: readonly MeasuredItem[],
  { capped = true, target = TARGET } = {},
): LogEvent[] {
  return [...predict(items, target, { capped }).events];
}

export function logOf(events: readonly LogEvent[], banks = TARGET.banks): Buffer {
  return Buffer.concat([encodeHeader(banks), ...events.map(encodeEvent)]);
}

/** What is measured of a Xen that keeps devices to their domain's memory. */
export const HYPERVISOR_ITEM: HypervisorItem = {
  ...{ event: 'hypervisor', version: '4.17.5' },
  ...{ commandLine: 'dom0_mem=768M boot-domain', dma: 'confined' },
};

/** What differs at each boot. */
export function bootItems(ak: SoftwareAk): MeasuredItem[] {
  return [
    HYPERVISOR_ITEM,
    { event: 'identity', domain: 'vtpm', domid: 32736, uuid: randomUUID() },
    { event: 'identity', domain: 'dom0', domid: 0, uuid: randomUUID() },
    { event: 'attestation-key', name: objectName(ak.publicArea).toString('hex') },
  ];
}

export const BOOT_TARGET: Target = { pcr: 12, banks: TARGET.banks };

/** Evidence that a TPM whose PCRs 13 and 14 went through `events`, and PCR 12 through `boot`, would give. */
export function evidenceOf(
  events: readonly LogEvent[] = eventsOf(ITEMS),
  ak: SoftwareAk = new SoftwareAk(),
  boot: readonly LogEvent[] = eventsOf(bootItems(ak), { target: BOOT_TARGET }),
): Evidence {
  const bootValues = pcrValues(boot, BOOT_TARGET);
  const measured = registerValues(events, [TARGET.pcr, GUEST_PCR], TARGET.banks);
  const pcrs: PcrValues = new Map(
    [...measured].map(([bank, values]): [HashAlgorithm, Map<number, Buffer>] => [
      bank,
      new Map([
        ...FIRMWARE_PCRS.map((pcr) => [pcr, Buffer.alloc(hashSize(bank), pcr)] as const),
        [12, bootValues.get(bank) as Buffer],
        ...values,
      ]),
    ]),
  );
  return {
    log: logOf(events),
    bootLog: logOf(boot),
    ak: ak.publicArea,
    pcrs,
    quote: ak.quote(pcrs, { nonce: NONCE }),
  };
}
