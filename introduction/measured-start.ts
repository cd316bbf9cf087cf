import { closeSync, constants, fstatSync, openSync, statSync, writeSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { EventLogError } from '../measurement/event-log/format.ts';
import type {
  ContentAlgorithm,
  DomainItem,
  ImageComponent,
  ImageItem,
  MeasuredEvent,
} from '../measurement/events.ts';
import { readMeasurementLog } from '../measurement/evidence/read-log.ts';
import { fileChunks, hashNow } from '../measurement/hash-chunks.ts';
import { isDirty } from '../measurement/log-file.ts';
import { readBounded } from '../measurement/read-bounded.ts';
import { IntroductionError } from './introduction-error.ts';
import type { BootDomain } from './record.ts';

/** Where this boot's log, images and private copies of them are. */
export interface ImagePlaces {
  /** The measurement log that domB handed over. */
  log: string;
  /** The images, by the names that the manifest gives them. */
  images: string;
  /** A directory that is made for the copies and taken away again; in memory. */
  copies: string;
}

/** Files with the very bytes that this boot measured for a domain, and the label that it was measured with. */
export interface MeasuredStart {
  seclabel: string;
  kernel: string;
  ramdisk: string | undefined;
}

/** Larger than any log of a boot. */
const MOST_LOG = 64 * 1024 * 1024;
/** A segment of a ramdisk begins at a new page, with zeros before it (joinMemory, bindings/mapped-files.ts). */
const PAGE = 4096;
const OTHER_IMAGES =
  'put what the booted release has there, or boot the platform anew: the domain stays destroyed';

/**
 * Copies what a domain is built from to private files, compares the copied bytes with what this boot's log says of them, and has `build`
 * use the copies, which are gone afterwards.
 * @throws IntroductionError where the log is not whole, or something is not what was measured
 */
export async function withMeasuredStart<T>(
  domain: BootDomain,
  places: ImagePlaces,
  build: (start: MeasuredStart) => Promise<T>,
): Promise<T> {
  const { name, again } = domain;
  if (again === undefined) throw new Error(`nobody said what ${name} is built from`);
  const events = await cappedLog(places.log);
  const { seclabel } = measuredDomain(events, domain);
  const { log } = places;
  const measured = (component: ImageComponent, segment?: number): ImageItem => {
    const found = events.filter(
      (each): each is ImageItem & MeasuredEvent =>
        each.event === 'image' &&
        each.domain === name &&
        each.component === component &&
        (segment === undefined || (each.segment ?? 0) === segment),
    );
    const [item] = found;
    if (item !== undefined && found.length === 1) return item;
    throw new IntroductionError(
      `${log}: ${item === undefined ? 'no' : 'more than one'} ${component} was measured for ${name}`,
      'only what was measured is built again',
    );
  };
  const cmdline = measured('cmdline');
  compare(
    { name, what: 'its command line', item: cmdline },
    hashNow([Buffer.from(again.cmdline)], algorithmsOf(cmdline)).digests,
  );
  if (events.filter((each) => isRamdiskOf(each, name)).length !== again.ramdisk.length) {
    throw new IntroductionError(
      `${log}: ${name} was measured with another number of ramdisks than it is to be built with`,
      'only what was measured is built again',
    );
  }
  // What an instance that was ended in the middle has left.
  await rm(places.copies, { recursive: true, force: true });
  await mkdir(places.copies, { mode: 0o700 });
  try {
    const kernel = join(places.copies, 'kernel');
    const image = (file: string, item: ImageItem) => ({
      name,
      file: join(places.images, file),
      item,
    });
    copyMeasured(kernel, [image(again.kernel, measured('kernel'))]);
    const segments = again.ramdisk.map((file, index) => image(file, measured('ramdisk', index)));
    const ramdisk = segments.length === 0 ? undefined : join(places.copies, 'ramdisk');
    if (ramdisk !== undefined) copyMeasured(ramdisk, segments);
    return await build({ seclabel, kernel, ramdisk });
  } finally {
    await rm(places.copies, { recursive: true, force: true });
  }
}

/** What a log says that is whole and capped. It is not compared with the TPM. */
async function cappedLog(file: string): Promise<readonly MeasuredEvent[]> {
  const hint = 'without it nobody can tell what was measured: "domb log" may say more';
  try {
    if (isDirty(statSync(file).mode))
      throw new IntroductionError(`${file}: it is incomplete`, hint);
    const { events, capped } = readMeasurementLog(await readBounded(file, MOST_LOG));
    if (!capped) throw new IntroductionError(`${file}: its registers were never capped`, hint);
    return events;
  } catch (error) {
    if (error instanceof EventLogError || (error as NodeJS.ErrnoException).code !== undefined) {
      throw new IntroductionError(`${file}: ${(error as Error).message}`, hint);
    }
    throw error;
  }
}

/** Who the domain is, as it was measured, where that is who the record says that it is. */
function measuredDomain(events: readonly MeasuredEvent[], domain: BootDomain): DomainItem {
  const { name, domid, type } = domain;
  const items = events.filter(
    (each): each is DomainItem & MeasuredEvent => each.event === 'domain' && each.domain === name,
  );
  const [item] = items;
  if (item?.domid === domid && item.type === type && items.length === 1) return item;
  throw new IntroductionError(
    `${name} was not measured as a ${type} domain ${domid}`,
    'only what was measured is built again',
  );
}

const isRamdiskOf = (event: MeasuredEvent, name: string): boolean =>
  event.event === 'image' && event.domain === name && event.component === 'ramdisk';

interface ImageFile {
  /** The domain's. */
  name: string;
  file: string;
  item: ImageItem;
}

/** Writes the files one behind the other, each read once, and sees whether the written bytes are the measured ones. */
function copyMeasured(to: string, files: readonly ImageFile[]): void {
  const target = openSync(to, 'wx', 0o600);
  try {
    let written = 0;
    for (const { name, file, item } of files) {
      const gap = -written & (PAGE - 1);
      writeAll(target, Buffer.alloc(gap));
      written += gap + item.size;
      const source = opened(name, file, item);
      try {
        compare({ name, what: file, item }, copied(source, target, item));
      } finally {
        closeSync(source);
      }
    }
  } finally {
    closeSync(target);
  }
}

/** Digests of a file's bytes as they are written, no more of them than were measured. */
function copied(source: number, target: number, item: ImageItem): Digests {
  let left = item.size;
  function* writing() {
    for (const bytes of fileChunks(source)) {
      left -= bytes.length;
      // Nothing larger than what was measured fills the memory; its digest is told all the same.
      if (left >= 0) writeAll(target, bytes);
      yield bytes;
    }
  }
  return hashNow(writing(), algorithmsOf(item)).digests;
}

/** write(2) may take less than it is given. */
function writeAll(target: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(target, bytes, done);
}

function opened(name: string, file: string, { component }: ImageItem): number {
  try {
    // Opening a FIFO would wait for its writer.
    const source = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
    if (fstatSync(source).isFile()) return source;
    closeSync(source);
    throw new Error('not a regular file');
  } catch (error) {
    throw new IntroductionError(
      `${name}: its ${component} cannot be read: ${(error as Error).message}`,
      `put it there as the manifest names it, or have "domb watch" look elsewhere with --images: ${name} stays destroyed`,
    );
  }
}

type Digests = Partial<Record<ContentAlgorithm, string>>;

const algorithmsOf = ({ digests }: ImageItem) => Object.keys(digests) as ContentAlgorithm[];

function compare(
  { name, what, item }: { name: string; what: string; item: ImageItem },
  found: Digests,
): void {
  for (const [algorithm, digest] of Object.entries(item.digests)) {
    const other = found[algorithm as ContentAlgorithm];
    if (other === digest) continue;
    throw new IntroductionError(
      `${name} is not built again: ${what} is not the ${item.component} that this boot measured: ${algorithm} ${other}, where ${digest} was measured`,
      OTHER_IMAGES,
    );
  }
}
