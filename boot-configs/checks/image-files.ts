import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { MOST_SCRIPT, scriptFault } from '../../boot-scripts/inspect.ts';
import type { DraftDomain, DraftScript } from '../draft.ts';
import { type ByteSource, withFile } from '../images/byte-source.ts';
import { inspectKernel, isFault } from '../images/kernel.ts';
import { formatMemory, memoryKiB } from '../memory.ts';
import { placedTexts } from '../segments.ts';
import type { Check, Report } from './check.ts';

/** Bytes hashed at a time. */
const CHUNK = 1 << 20;

/** Size and digests of files, by path; `sha256` is among the digests. */
export type HashedFiles = Map<string, { size: number; digests: Record<string, string> }>;

/**
 * Checks the images themselves, which are found below `directory`. What has to be hashed for that is found in `hashed`
 * afterwards, so that nobody has to do it again.
 */
export function imageFiles(directory: string, hashed: HashedFiles = new Map()): Check {
  return {
    rule: 'image-file',
    says: 'Every image is there, is of a kind that Xen can load, has the pinned digest and fits into the memory; every script is there, has the pinned digest, parses, imports nothing and has a default export.',
    run({ domains, scripts }, report) {
      for (const domain of domains) checkDomain(domain, directory, hashed, report);
      for (const script of scripts) checkScript(script, directory, hashed, report);
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
        checkDigest(source, pinned?.text, file, hashed, (message, hint) =>
          report(pinned?.path ?? at, message, hint),
        );
        if (image === 'ramdisk') return source.size;
        if (type === undefined) return 0;
        const kernel = inspectKernel(source, type);
        if (!isFault(kernel)) return kernel.span;
        report(at, kernel.message, kernel.hint);
        return 0;
      });
    } catch (error) {
      report(
        at,
        unreadable(error),
        `look for it in ${directory}, or name another directory with --images`,
      );
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

function checkScript(
  { run, digest, path }: DraftScript,
  directory: string,
  hashed: HashedFiles,
  report: Report,
): void {
  if (run === undefined || run.split('/').includes('..')) return;
  const at = [...path, 'run'];
  try {
    const file = join(directory, run);
    const fault = withFile(file, (source) => {
      checkDigest(source, digest, file, hashed, (message, hint) =>
        report([...path, 'digest'], message, hint),
      );
      if (source.size > MOST_SCRIPT) return `${run}: it is larger than a script can be`;
      return scriptFault(run, source.read(0, source.size).toString());
    });
    if (fault !== undefined) report(at, fault, 'correct the script');
  } catch (error) {
    report(
      at,
      unreadable(error),
      `look for it in ${directory}, or name another directory with --images`,
    );
  }
}

function checkDigest(
  source: ByteSource,
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
function digestOf(
  source: ByteSource,
  algorithm: string,
  file: string,
  hashed: HashedFiles,
): string {
  const known = hashed.get(file);
  const digests = known?.digests ?? {};
  const missing = ['sha256', algorithm].filter((name) => digests[name] === undefined);
  const hashes = [...new Set(missing)].map((name) => ({ name, hash: createHash(name) }));
  for (let offset = 0; hashes.length > 0 && offset < source.size; offset += CHUNK) {
    const bytes = source.read(offset, CHUNK);
    for (const { hash } of hashes) hash.update(bytes);
  }
  for (const { name, hash } of hashes) digests[name] = hash.digest('hex');
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
