import { digest, hashId, type PcrValues } from 'node-tpm2-pts';
import { EVENT_TYPE, type LogEvent } from '../../measurement/event-log/format.ts';
import { parseEventLog } from '../../measurement/event-log/parse.ts';
import type { ImageItem, MeasuredItem } from '../../measurement/events.ts';
import type { BootQuote } from '../../measurement/evidence/boot-key.ts';
import type { Evidence } from '../../measurement/evidence/evidence.ts';
import { itemOf } from '../../measurement/evidence/read-log.ts';
import { ownEvent } from '../../measurement/formats/describe-data.ts';
import { eventsOf, evidenceOf, logOf, TARGET } from '../lib/evidence.ts';
import type { SoftwareAk } from '../lib/software-ak.ts';
import type { Random } from './random.ts';

type Mutation = (truth: Evidence, other: Evidence, random: Random) => Evidence;
type EventsMutation = (list: LogEvent[], random: Random) => LogEvent[];

/** Each makes evidence that differs from the truth in something. */
const MUTATIONS: Readonly<Record<string, Mutation>> = {
  'log bytes': (truth, _, random) => ({ ...truth, log: mutateBytes(truth.log, random) }),
  'boot log bytes': (truth, _, random) => ({
    ...truth,
    bootLog: mutateBytes(truth.bootLog ?? Buffer.alloc(0), random),
  }),
  "another boot's log": (truth, other) => ({ ...truth, bootLog: other.bootLog ?? Buffer.alloc(0) }),
  'attest bytes': (truth, _, random) => ({
    ...truth,
    quote: { ...truth.quote, attest: mutateBytes(truth.quote.attest, random) },
  }),
  'signature bytes': (truth, _, random) => ({
    ...truth,
    quote: { ...truth.quote, signature: mutateBytes(truth.quote.signature, random) },
  }),
  'boot quote bytes': (truth, _, random) => ({
    ...truth,
    bootQuote: mutateBootQuote(truth.bootQuote, random),
  }),
  "another boot's boot quote": (truth, other) => {
    if (!other.bootQuote) throw new Error('the other evidence has no boot quote');
    return { ...truth, bootQuote: other.bootQuote };
  },
  'key bytes': (truth, _, random) => ({ ...truth, ak: mutateBytes(truth.ak, random) }),
  "another boot's parts": (truth, other, random) => {
    const part = random.pick(['quote', 'ak'] as const);
    return { ...truth, [part]: other[part] };
  },
  'PCR value': (truth, _, random) => ({ ...truth, pcrs: mutatePcrs(truth.pcrs, random) }),
};

/** Each makes a list of events that is not the true one. */
const EVENT_MUTATIONS: Readonly<Record<string, EventsMutation>> = {
  'events dropped': (list, random) => list.toSpliced(random.below(list.length), 1),
  'events repeated': (list, random) => {
    const at = random.below(list.length);
    return list.toSpliced(random.below(list.length + 1), 0, list[at] as LogEvent);
  },
  'events swapped': (list, random) => {
    const [a, b] = [random.below(list.length), random.below(list.length - 1)];
    const second = b >= a ? b + 1 : b;
    return list.with(a, list[second] as LogEvent).with(second, list[a] as LogEvent);
  },
  'data with fitting digests': (list, random) => {
    const at = random.below(list.length);
    const event = list[at] as LogEvent;
    return list.with(at, withData(event, mutateBytes(event.data, random)));
  },
  'another word in a description': (list, random) => {
    const described = list.filter(({ type }) => type === EVENT_TYPE.EVENT_TAG);
    const at = random.below(described.length);
    const event = list[at] as LogEvent;
    const data = Buffer.from(event.data);
    const text = data.subarray(8).toString('latin1');
    const letters = [...text.matchAll(/[0-9a-z]/g)].map(({ index }) => index);
    const place = 8 + random.pick(letters);
    const letter = data.readUInt8(place);
    data.writeUInt8(letter ^ 1, place);
    return list.with(at, withData(event, data));
  },
  'data behind its digests': (list, random) => {
    const at = random.below(list.length);
    const event = list[at] as LogEvent;
    return list.with(at, { ...event, data: mutateBytes(event.data, random) });
  },
  'digests exchanged': (list, random) => {
    const at = random.below(list.length);
    const event = list[at] as LogEvent;
    // The caps are all alike.
    const from = random.pick(list.filter(({ data }) => !data.equals(event.data)));
    const bank = hashId(random.pick(TARGET.banks));
    const digests = new Map([...event.digests, [bank, from.digests.get(bank) as Buffer] as const]);
    return list.with(at, { ...event, digests });
  },
  'events moved to another register': (list, random) => {
    const at = random.below(list.length);
    const event = list[at] as LogEvent;
    return list.with(at, { ...event, pcr: event.pcr === 13 ? 14 : 13 });
  },
  'registers exchanged': (list) =>
    list.map((event) => ({ ...event, pcr: event.pcr === 13 ? 14 : 13 })),
  'a register left out': (list, random) => {
    const left = random.pick([13, 14]);
    return list.filter(({ pcr }) => pcr !== left);
  },
  'a register that its domain denies': (list) => {
    // The guests' images in the platform's register, or the other way round; all else fits.
    const items = list.flatMap((event) => itemIn(event) ?? []);
    const moved = items.map((item) => {
      if (item.event !== 'domain') return item;
      const { pcr, ...rest } = item;
      return pcr === undefined ? { ...rest, pcr: 14 } : rest;
    });
    return eventsOf(moved);
  },
  'less measured than the manifest says': (list, random) => {
    const items = list.flatMap((event) => itemIn(event) ?? []);
    const left = random.pick(items.filter(isRamdisk));
    return eventsOf(
      items
        .filter((item) => item !== left)
        .map((item) =>
          item.event === 'domain' && item.domain === left.domain
            ? { ...item, unmeasured: ['ramdisk'] }
            : item,
        ),
    );
  },
  'type or PCR': (list, random) => {
    const at = random.below(list.length);
    const event = list[at] as LogEvent;
    const value = 1 + random.below(255);
    return list.with(
      at,
      random.below(2)
        ? { ...event, pcr: event.pcr ^ value }
        : { ...event, type: event.type ^ value },
    );
  },
};

/** The item of a true event; the caps have none. */
function itemIn(event: LogEvent): MeasuredItem | undefined {
  const own = ownEvent(event);
  return own && itemOf(own);
}

function isRamdisk(item: MeasuredItem): item is ImageItem {
  return item.event === 'image' && item.component === 'ramdisk';
}

export interface Mutant {
  readonly how: string;
  readonly evidence: Evidence;
}

/** Evidence that differs from `truth`; some of it has parts of `other`, which is true evidence of another boot. */
export function mutateEvidence(truth: Evidence, other: Evidence, random: Random): Mutant {
  const how = random.pick([...Object.keys(MUTATIONS), ...Object.keys(EVENT_MUTATIONS)]);
  const mutation = MUTATIONS[how];
  if (mutation) return { how, evidence: mutation(truth, other, random) };
  return { how, evidence: { ...truth, log: logOf(mutateEvents(how, truth, random)) } };
}

/** Evidence of a boot that went otherwise: quote and log agree, only the items are not the expected ones. */
export function otherBoot(truth: Evidence, ak: SoftwareAk, random: Random): Mutant {
  const how = random.pick(Object.keys(EVENT_MUTATIONS));
  const events = mutateEvents(how, truth, random);
  return { how: `booted otherwise, ${how}`, evidence: evidenceOf(events, ak) };
}

function mutateEvents(how: string, truth: Evidence, random: Random): LogEvent[] {
  const events = [...parseEventLog(truth.log).events];
  return (EVENT_MUTATIONS[how] as EventsMutation)(events, random);
}

/** `event` with other data, and digests that fit them. */
export function withData({ pcr, type }: LogEvent, data: Buffer): LogEvent {
  const digests = new Map(TARGET.banks.map((bank) => [hashId(bank), digest(bank, data)]));
  return { pcr, type, digests, data };
}

/** In one of its five files. */
function mutateBootQuote(truth: BootQuote | undefined, random: Random): BootQuote {
  if (!truth) throw new Error('the true evidence has no boot quote');
  const kind = random.pick(['key', 'certification', 'quote'] as const);
  if (kind === 'key') return { ...truth, key: mutateBytes(truth.key, random) };
  const part = random.pick(['attest', 'signature'] as const);
  return { ...truth, [kind]: { ...truth[kind], [part]: mutateBytes(truth[kind][part], random) } };
}

function mutatePcrs(pcrs: PcrValues, random: Random): PcrValues {
  const bank = random.pick([...pcrs.keys()]);
  const values = new Map(pcrs.get(bank));
  const pcr = random.pick([...values.keys()]);
  const value = values.get(pcr) as Buffer;
  const way = random.below(8);
  if (way === 0) values.delete(pcr);
  else if (way === 1) values.set(pcr + 1, value);
  else values.set(pcr, mutateBytes(value, random));
  return new Map([...pcrs, [bank, values]]);
}

/** `bytes` with some bits flipped, some bytes overwritten, cut, inserted or repeated; never the same as before. */
function mutateBytes(bytes: Buffer, random: Random): Buffer {
  for (;;) {
    let changed = Buffer.from(bytes);
    for (let left = 1 + random.below(3); left > 0; left--) changed = mutateOnce(changed, random);
    if (!changed.equals(bytes)) return changed;
  }
}

function mutateOnce(bytes: Buffer, random: Random): Buffer<ArrayBuffer> {
  const at = random.below(bytes.length + 1);
  const end = at + random.below(Math.min(16, bytes.length - at + 1));
  const [head, middle, tail] = [
    bytes.subarray(0, at),
    bytes.subarray(at, end),
    bytes.subarray(end),
  ];
  switch (random.below(6)) {
    case 0:
      return Buffer.concat([head, tail]);
    case 1:
      return Buffer.concat([head, middle, middle, tail]);
    case 2:
      return Buffer.from(head);
    case 3:
      return Buffer.concat([head, middle.map(() => random.pick([0, 1, 0x7f, 0xff])), tail]);
    case 4:
      return Buffer.concat([head, Buffer.of(random.below(256)), tail]);
    default:
      return Buffer.concat([head, middle.map((byte) => byte ^ (1 << random.below(8))), tail]);
  }
}
