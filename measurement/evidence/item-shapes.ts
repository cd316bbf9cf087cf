import { EVENT_TAGS, type EventKind, type MeasuredEvent } from '../events.ts';

type Check = (value: unknown) => boolean;
interface Shape {
  readonly required: Readonly<Record<string, Check>>;
  readonly optional?: Readonly<Record<string, Check>>;
  /** Exactly one of them is there. */
  readonly either?: Readonly<Record<string, Check>>;
}

const DIGEST_LENGTHS: Readonly<Record<string, number>> = { sha256: 64, sha384: 96, sha512: 128 };

const text: Check = (value) => typeof value === 'string';
const count: Check = (value) => Number.isSafeInteger(value) && Number(value) >= 0;
const oneOf =
  (...allowed: string[]): Check =>
  (value) =>
    allowed.includes(value as string);
const texts: Check = (value) => Array.isArray(value) && value.every(text);
/** One that neither belongs to the firmware nor can be reset. */
const ownPcr: Check = (value) => count(value) && Number(value) >= 8 && Number(value) <= 15;
/** The kernel is always measured. */
const leftOut: Check = (value) =>
  ['["ramdisk"]', '["cmdline"]', '["ramdisk","cmdline"]'].includes(JSON.stringify(value));
const matches =
  (pattern: RegExp): Check =>
  (value) =>
    typeof value === 'string' && pattern.test(value);
const uuid = matches(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
const hex = matches(/^([0-9a-f]{2})+$/);
const digests: Check = (value) => {
  if (!isObject(value)) return false;
  const entries = Object.entries(value);
  return entries.length > 0 && entries.every(([name, hex]) => isDigest(name, hex));
};

/** The members of each kind of event, as docs/measurement-log.md lists them. */
const SHAPES: Readonly<Record<EventKind, Shape>> = {
  manifest: { required: { size: count, digests } },
  configuration: { required: { configuration: (value) => value !== undefined } },
  image: {
    required: {
      domain: text,
      component: oneOf('kernel', 'ramdisk', 'cmdline'),
      size: count,
      digests,
    },
    optional: { segment: count },
  },
  domain: {
    required: {
      domain: text,
      domid: count,
      type: oneOf('pv', 'pvh', 'hvm'),
      seclabel: text,
      capabilities: texts,
    },
    optional: { role: oneOf('recovery'), pcr: ownPcr, unmeasured: leftOut },
  },
  daemon: { required: { version: text } },
  policy: { required: { size: count, digests } },
  'signature-key': { required: { digests } },
  hypervisor: {
    required: { version: text, commandLine: text, dma: oneOf('confined', 'open') },
  },
  identity: { required: { domain: text, domid: count, uuid } },
  'vtpm-authority': { required: { domain: text, publicKey: hex } },
  'attestation-key': {
    required: {},
    either: { name: hex, missing: oneOf('authorization', 'disabled', 'lockout') },
  },
  script: {
    required: {
      script: text,
      at: oneOf('before_planning', 'after_create', 'before_start', 'after_start'),
      size: count,
      digests,
    },
  },
  'script-action': { required: { script: text, action: text, arguments: Array.isArray } },
  'machine-fact': {
    required: { script: text, fact: text, value: (value) => value !== undefined },
  },
  'read-back': {
    required: { domid: count, has: isObject, unread: texts },
    optional: { domain: text },
  },
  error: { required: { what: text }, optional: { domain: text, phase: text } },
};

const KINDS = new Map(
  (Object.keys(EVENT_TAGS) as EventKind[]).map((kind) => [EVENT_TAGS[kind], kind]),
);

/** The kind that a tag stands for. */
export function kindOf(tag: number): EventKind | undefined {
  return KINDS.get(tag);
}

/** True when `value` is an event of this kind: all members it must have, of their types, and no others. */
export function isEvent(value: unknown, kind: EventKind): value is MeasuredEvent {
  if (!isObject(value) || value.event !== kind || !count(value.sequence)) return false;
  const { required, optional = {}, either } = SHAPES[kind];
  for (const name of Object.keys(required)) if (!Object.hasOwn(value, name)) return false;
  for (const name of Object.keys(value)) {
    if (name === 'event' || name === 'sequence') continue;
    const shape = [required, optional, either ?? {}].find((members) =>
      Object.hasOwn(members, name),
    );
    if (!shape?.[name]?.(value[name])) return false;
  }
  return !either || Object.keys(either).filter((name) => Object.hasOwn(value, name)).length === 1;
}

function isDigest(name: string, hex: unknown): boolean {
  const length = Object.hasOwn(DIGEST_LENGTHS, name) ? DIGEST_LENGTHS[name] : undefined;
  return typeof hex === 'string' && hex.length === length && /^[0-9a-f]*$/.test(hex);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
