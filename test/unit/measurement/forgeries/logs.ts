import { digest, hashId } from 'node-tpm2-pts';
import { encodeCap, encodeItem } from '../../../../measurement/encode.ts';
import { EVENT_TYPE, type LogEvent } from '../../../../measurement/event-log/format.ts';
import { encodeTagged } from '../../../../measurement/event-log/write.ts';
import { EVENT_TAGS, type MeasuredItem } from '../../../../measurement/events.ts';
import { BOOT_TARGET, eventsOf, GUEST_ITEMS, ITEMS, logOf, TARGET } from '../../../lib/evidence.ts';
import { expected, type Forgery, flipped, genuine, platform } from './forgery.ts';

const events = eventsOf(ITEMS);
const replaced = (index: number, change: object) =>
  ITEMS.map((item, i) => (i === index ? ({ ...item, ...change } as MeasuredItem) : item));
const dropped = (index: number) => ITEMS.filter((_, i) => i !== index);
const digests = { sha256: 'ab'.repeat(32) };

/** The genuine quote beside another log. */
const beside = (log: Buffer) => ({ ...genuine, log });
/** A platform whose registers really went through these events. */
const through = (...made: LogEvent[]) => platform({ events: made });
/** An event with digests that fit. */
const event = (data: Buffer, type: number = EVENT_TYPE.EVENT_TAG, pcr = 13): LogEvent => ({
  ...{ pcr, type, data },
  digests: new Map(TARGET.banks.map((bank) => [hashId(bank), digest(bank, data)])),
});
const tagged = (tag: number, text: string) => event(encodeTagged(tag, Buffer.from(text)));
const withData = (index: number, data: Buffer) =>
  events.map((one, i) => (i === index ? { ...one, data } : one));

/** Logs that say something else than what was measured, and platforms that measured something else. */
export const logForgeries: readonly Forgery[] = [
  {
    name: "another image's digest written into the log",
    has: 'the files',
    forged: () => beside(logOf(eventsOf(replaced(8, { digests })))),
    ends: 'refused: log',
  },
  {
    name: 'other data under the digests of the genuine event',
    has: 'the files',
    forged: () => beside(logOf(withData(8, eventsOf(replaced(8, { digests }))[8]?.data as Buffer))),
    ends: 'refused: log',
  },
  {
    name: 'the digest of one event changed in one bank',
    has: 'the files',
    forged: () => {
      const banks = new Map(events[3]?.digests).set(0x0b, Buffer.alloc(32, 1));
      return beside(logOf(events.map((one, i) => (i === 3 ? { ...one, digests: banks } : one))));
    },
    ends: 'refused: log',
  },
  {
    name: 'one bit of the log changed',
    has: 'the files',
    forged: () => beside(flipped(genuine.log)),
    ends: 'refused: log',
  },
  {
    name: 'the log cut off before its cap',
    has: 'the files',
    forged: () => beside(logOf(events.slice(0, -1))),
    ends: 'refused: log',
  },
  {
    name: 'the log cut off within its last event',
    has: 'the files',
    forged: () => beside(genuine.log.subarray(0, -3)),
    ends: 'refused: log',
  },
  {
    name: 'an empty log',
    has: 'the files',
    forged: () => beside(Buffer.alloc(0)),
    ends: 'refused: log',
  },
  {
    name: 'a log without events',
    has: 'the files',
    forged: () => beside(logOf([])),
    ends: 'refused: log',
  },
  {
    name: 'rubbish in the place of the log',
    has: 'the files',
    forged: () => beside(Buffer.alloc(5000, 0xa5)),
    ends: 'refused: log',
  },
  {
    name: "the boot's own log in the place of the other",
    has: 'the files',
    forged: () => beside(genuine.bootLog as Buffer),
    ends: 'refused: log',
  },
  {
    name: 'the log under the number of another register',
    has: 'the files',
    forged: () => beside(logOf(events.map((one) => ({ ...one, pcr: 14 })))),
    ends: 'refused: log',
  },
  {
    name: 'the log without one of the quoted banks',
    has: 'the files',
    forged: () => {
      const cut = events.map((one) => ({
        ...one,
        digests: new Map([...one.digests].filter(([id]) => id !== hashId('sha384'))),
      }));
      return beside(logOf(cut, ['sha1', 'sha256']));
    },
    ends: 'refused: log',
  },
  {
    name: 'the log of an earlier boot',
    has: 'files of other boots',
    forged: () => beside(platform({ items: replaced(8, { digests }) }).log),
    ends: 'refused: log',
  },
  {
    name: 'a boot with another image, as it was measured',
    has: 'a part of the boot',
    forged: () => platform({ items: replaced(8, { digests }) }),
    ends: 'refused: items',
  },
  {
    name: 'a boot that gives a domain the label of dom0',
    has: 'a part of the boot',
    forged: () => platform({ items: replaced(2, { seclabel: 'system_u:system_r:dom0_t' }) }),
    ends: 'refused: items',
  },
  {
    name: 'a boot that gives a domain more rights',
    has: 'a part of the boot',
    forged: () => platform({ items: replaced(2, { capabilities: ['control'] }) }),
    ends: 'refused: items',
  },
  {
    name: 'a boot with another manifest',
    has: 'a part of the boot',
    forged: () => platform({ items: replaced(0, { digests }) }),
    ends: 'refused: items',
  },
  {
    name: 'a boot with another configuration',
    has: 'a part of the boot',
    forged: () => platform({ items: replaced(1, { configuration: { version: 1, domains: [] } }) }),
    ends: 'refused: items',
  },
  {
    name: 'a boot that measured an image less',
    has: 'a part of the boot',
    forged: () => platform({ items: dropped(8) }),
    ends: 'refused: items',
  },
  {
    name: 'a boot that measured an image twice',
    has: 'a part of the boot',
    forged: () => platform({ items: [...ITEMS, ITEMS[8] as MeasuredItem] }),
    ends: 'refused: items',
  },
  {
    name: 'a boot that measured in another order',
    has: 'a part of the boot',
    forged: () => platform({ items: ITEMS.toReversed() }),
    ends: 'refused: items',
  },
  {
    name: 'a boot with domains more, measured into a register of their own',
    has: 'a part of the boot',
    forged: () => platform({ items: [...ITEMS, ...GUEST_ITEMS] }),
    ends: 'refused: items',
  },
  {
    name: 'a boot that leaves the images of a domain out and says so',
    has: 'a part of the boot',
    forged: () => platform({ items: replaced(2, { unmeasured: ['ramdisk'] }) }),
    ends: 'refused: items',
  },
  {
    name: 'images in a register of their own, where the manifest has them in the common one',
    has: 'a part of the boot',
    forged: () => platform({ items: replaced(2, { pcr: 14 }) }),
    ends: 'refused: items',
  },
  {
    name: 'a boot that failed',
    has: 'a part of the boot',
    forged: () => platform({ items: [...ITEMS, { event: 'error', what: 'no such image' }] }),
    ends: 'refused: boot',
  },
  {
    name: 'registers without their cap: whoever comes later may measure on',
    has: 'another system on the platform',
    forged: () => platform({ events: eventsOf(ITEMS, { capped: false }) }),
    ends: 'refused: log',
  },
  {
    name: 'an event behind the cap',
    has: 'dom0',
    forged: () =>
      through(...events, encodeItem(ITEMS[0] as MeasuredItem, ITEMS.length + 1, TARGET)),
    ends: 'refused: log',
  },
  {
    name: 'a second cap',
    has: 'dom0',
    forged: () => through(...events, encodeCap(TARGET)),
    ends: 'refused: log',
  },
  {
    name: 'a cap with other data',
    has: 'another system on the platform',
    forged: () => through(...events.slice(0, -1), event(Buffer.alloc(5), EVENT_TYPE.SEPARATOR)),
    ends: 'refused: log',
  },
  {
    name: 'something measured that the log does not have',
    has: 'dom0',
    forged: () => ({ ...through(...events, event(Buffer.from('x'))), log: logOf(events) }),
    ends: 'refused: log',
  },
  {
    name: 'an event of an unknown kind',
    has: 'another system on the platform',
    forged: () => through(tagged(0x646f6dff, '{}'), ...events),
    ends: 'refused: log',
  },
  {
    name: 'an event that is no JSON',
    has: 'another system on the platform',
    forged: () => through(tagged(EVENT_TAGS.error, 'boom'), ...events),
    ends: 'refused: log',
  },
  {
    name: 'an event with a member twice, of which readers see one or the other',
    has: 'another system on the platform',
    forged: () =>
      through(tagged(EVENT_TAGS.error, '{"event":"error","sequence":0,"what":"y","what":"x"}')),
    ends: 'refused: log',
  },
  {
    name: 'an event whose number is missing from the sequence',
    has: 'another system on the platform',
    forged: () => through(...events.filter((_, i) => i !== 4)),
    ends: 'refused: log',
  },
  {
    name: "an event of firmware's in domB's log",
    has: 'the files',
    forged: () => beside(logOf([event(Buffer.from('x'), 0x80000003, 4), ...events])),
    ends: 'refused: log',
  },
  {
    name: 'an event that extends nothing, to hide something in',
    has: 'the files',
    forged: () =>
      beside(
        logOf([event(Buffer.from('StartupLocality\0\x03'), EVENT_TYPE.NO_ACTION, 0), ...events]),
      ),
    ends: 'refused: log',
  },
  {
    name: 'a reference that was edited to expect another label',
    has: "the verifier's side",
    forged: () => genuine,
    under: () => ({ ...expected, items: replaced(6, { seclabel: 'system_u:system_r:domU_t' }) }),
    ends: 'refused: items',
  },
  {
    name: 'a reference of another platform',
    has: "the verifier's side",
    forged: () => genuine,
    under: () => ({ ...expected, items: GUEST_ITEMS }),
    ends: 'refused: items',
  },
  {
    name: 'a reference that expects another register',
    has: "the verifier's side",
    forged: () => genuine,
    under: () => ({ ...expected, pcr: BOOT_TARGET.pcr }),
    ends: 'refused: log',
  },
];
