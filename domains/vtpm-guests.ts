import { EVENT_TAGS, type MeasuredItem } from '../measurement/events.ts';

/**
 * Whose TPMs a domain serves, as domB tells it: an archive in front of its ramdisk, which dom0 cannot write. UUIDs are of this boot,
 * so the list is not in the predictable register; the UUIDs are measured into that of the boot.
 */
export interface RecordedGuest {
  name: string;
  domid: number;
  /** Canonical text form. */
  uuid: string;
  /** Xen's number for its label (SID), as long as the platform runs. */
  sid: number;
  /** What it is started from, for its TPM; the same at each boot. */
  launch: readonly MeasuredItem[];
  /** Whether its TPM outlasts the boot. */
  persistent: boolean;
}

/** Where the domain finds the list in its initramfs, without the leading slash, as in an archive. */
export const RECORDED_GUESTS = 'domb-vtpm-guests.json';

const VERSION = 3;

export const recordedGuestsText = (guests: readonly RecordedGuest[]): string =>
  `${JSON.stringify({ version: VERSION, guests }, null, 2)}\n`;

/**
 * Reads the list.
 * @throws Error for what domB can't have written: then nobody is to be served
 */
export function parseRecordedGuests(text: string): RecordedGuest[] {
  const { version, guests } = JSON.parse(text) as { version?: unknown; guests?: unknown };
  if (version !== VERSION || !Array.isArray(guests)) {
    throw new Error(`${RECORDED_GUESTS} is not a list of guests of version ${VERSION}`);
  }
  return guests.map((guest: Partial<Record<keyof RecordedGuest, unknown>>) => {
    const { name, domid, uuid, sid, launch, persistent } = guest;
    const numbers = Number.isSafeInteger(domid) && Number.isSafeInteger(sid);
    const texts = typeof name === 'string' && typeof uuid === 'string';
    const items = Array.isArray(launch) && launch.every(isItem);
    if (!texts || !numbers || !items || typeof persistent !== 'boolean') {
      throw new Error(`${RECORDED_GUESTS} names no guest by ${JSON.stringify(guest)}`);
    }
    return { name, domid: domid as number, uuid, sid: sid as number, launch, persistent };
  });
}

/** That it is something measured; what, is domB's to say. */
const isItem = (value: unknown): value is MeasuredItem =>
  typeof value === 'object' &&
  value !== null &&
  Object.hasOwn(EVENT_TAGS, String((value as { event?: unknown }).event));
