import { join } from 'node:path';
import { MOST_SCRIPT, scriptFault } from '../../boot-scripts/inspect.ts';
import { canCheckTypes, type TypedScript, typeFaults } from '../../boot-scripts/type-check.ts';
import { formatMemory, memoryKiB } from '../../domains/memory.ts';
import { hashNow } from '../../measurement/hash-chunks.ts';
import type { DraftDomain, DraftScript } from '../draft.ts';
import { type OpenFile, withFile } from '../images/byte-source.ts';
import { inspectKernel, isFault, isLinux } from '../images/kernel.ts';
import { nearestFile } from '../images/nearest-file.ts';
import { inspectRamdisk, ramdiskSpan } from '../images/ramdisk.ts';
import type { Path } from '../path.ts';
import { placedTexts } from '../segments.ts';
import type { Check, Report } from './check.ts';

/** Bytes from which on an image is refused: none as large was ever booted, and two of them are more than Xen takes as one module. */
const MOST_IMAGE = 2 ** 31;

/** Size and digests of files, by path; `sha256` is among the digests. */
export type HashedFiles = Map<string, { size: number; digests: Record<string, string> }>;

/**
 * Checks the images themselves, which are found below `directory`. What has to be hashed for that is found in `hashed`
 * afterwards, so that nobody has to do it again.
 */
export function imageFiles(directory: string, hashed: HashedFiles = new Map()): Check {
  return {
    rule: 'image-file',
    says: 'Every image is there, whole and smaller than 2 GiB, is of a kind that Xen or Linux can load, has the pinned digest and fits into the memory; every script is there, has the pinned digest, parses, imports nothing, has a default export and, where there is a TypeScript compiler, uses the API of its point as that is typed.',
    run({ domains, scripts }, report) {
      for (const domain of domains) checkDomain(domain, directory, hashed, report);
      const sound = scripts.flatMap(
        (script) => checkScript(script, directory, hashed, report) ?? [],
      );
      if (sound.length > 0) checkTypes(sound, report);
    },
  };
}

function checkDomain(
  domain: DraftDomain,
  directory: string,
  hashed: HashedFiles,
  report: Report,
): void {
  const { path, type, memory, digests } = domain;
  let needed = 0;
  let linux = false;
  const images = (['kernel', 'ramdisk'] as const).flatMap((image) =>
    placedTexts(domain[image], [...path, image]).map((placed) => ({ image, ...placed })),
  );
  for (const { image, text: name, index, path: at } of images) {
    if (name.split('/').includes('..')) continue;
    const pinned = placedTexts(digests?.[image], [...path, 'digests', image]).find(
      (digest) => digest.index === index,
    );
    try {
      const file = join(directory, name);
      needed += withFile(file, (source) => {
        if (source.size >= MOST_IMAGE) {
          report(
            at,
            `the image has ${source.size} bytes; domB takes images of less than 2 GiB`,
            'give a smaller one, which fetches what is large later, from a disk for example',
          );
          return 0;
        }
        checkDigest(source, pinned?.text, file, hashed, (message, hint) =>
          report(pinned?.path ?? at, message, hint),
        );
        if (image === 'ramdisk') {
          const fault = inspectRamdisk(source, linux);
          if (fault !== undefined) report(at, fault.message, fault.hint);
          return ramdiskSpan(source);
        }
        if (type === undefined) return 0;
        const kernel = inspectKernel(source, type);
        if (!isFault(kernel)) {
          linux = isLinux(kernel);
          return kernel.span;
        }
        report(at, kernel.message, kernel.hint);
        return 0;
      });
    } catch (error) {
      report(at, unreadable(error), whereToLook(error, directory, name));
    }
  }
  if (memory !== undefined && needed > memoryKiB(memory) * 1024) {
    report(
      [...path, 'memory'],
      `${memory} do not hold the images, which need ${formatMemory(Math.ceil(needed / 2 ** 20) * 1024)}`,
      'give the domain more memory',
    );
  }
}

/** A script that can be run, as far as that can be seen without its types. */
interface SoundScript extends TypedScript {
  path: Path;
}

function checkScript(
  { run, at: point, digest, path }: DraftScript,
  directory: string,
  hashed: HashedFiles,
  report: Report,
): SoundScript | undefined {
  if (run === undefined || run.split('/').includes('..')) return undefined;
  const at = [...path, 'run'];
  try {
    const file = join(directory, run);
    const read = withFile(file, (source) => {
      checkDigest(source, digest, file, hashed, (message, hint) =>
        report([...path, 'digest'], message, hint),
      );
      if (source.size > MOST_SCRIPT) return `${run}: it is larger than a script can be`;
      const text = source.read(0, source.size).toString();
      return scriptFault(run, text) ?? { text };
    });
    if (typeof read === 'string') report(at, read, 'correct the script');
    else if (point !== undefined)
      return { file: run, source: read.text, at: point, directory, path };
  } catch (error) {
    report(at, unreadable(error), whereToLook(error, directory, run));
  }
  return undefined;
}

/** Without a compiler the command says that nothing was checked. */
function checkTypes(scripts: readonly SoundScript[], report: Report): void {
  if (!canCheckTypes()) return;
  for (const [index, faults] of typeFaults(scripts).entries()) {
    for (const { message, hint } of faults) {
      report([...(scripts[index]?.path ?? []), 'run'], message, hint);
    }
  }
}

function checkDigest(
  source: OpenFile,
  pinned: string | undefined,
  file: string,
  hashed: HashedFiles,
  report: (message: string, hint: string) => void,
): void {
  if (pinned === undefined) return;
  const found = digestOf(source, pinned.split(':')[0] ?? '', file, hashed);
  if (found === pinned) return;
  report(
    `the image has another digest: ${found}`,
    'pin this one if you trust the image, or put the right image there',
  );
}

/** As `algorithm:hex`. A file is read once for each algorithm beside SHA-256, however many domains use it. */
function digestOf(source: OpenFile, algorithm: string, file: string, hashed: HashedFiles): string {
  const known = hashed.get(file);
  const digests = known?.digests ?? {};
  const wanted = [...new Set(['sha256', algorithm])];
  const missing = wanted.filter((name) => digests[name] === undefined);
  if (missing.length > 0) Object.assign(digests, hashNow(source.chunks(), missing).digests);
  hashed.set(file, { size: source.size, digests });
  return `${algorithm}:${digests[algorithm]}`;
}

function unreadable(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return 'there is no such file in the image directory';
    case 'EINVAL':
    case 'EISDIR':
      return 'this is not a regular file';
    case undefined:
      throw error;
    default:
      return `the file can't be read (${code})`;
  }
}

function whereToLook(error: unknown, directory: string, name: string): string {
  const code = (error as NodeJS.ErrnoException).code;
  const look = `look for it in ${directory}, or name another directory with --images`;
  if (code === 'EACCES' || code === 'EPERM') return 'make it readable for you';
  const meant = code === 'ENOENT' || code === 'ENOTDIR' ? nearestFile(directory, name) : undefined;
  return meant === undefined ? look : `did you mean "${meant}"? otherwise ${look}`;
}
