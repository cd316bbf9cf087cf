import { statSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { hashFiles } from '../measurement/hash-files.ts';
import {
  cycloneDx,
  type ImageLock,
  LockError,
  lockDifferences,
  parseLock,
} from '../platform/images/bill.ts';
import { bootComponents, type Component } from '../platform/images/components.ts';
import { lockVersions } from '../platform/images/debian-packages.ts';
import { replaceFile } from '../platform/lib/replace-file.ts';
import type { Input } from './command.ts';
import { writing } from './output.ts';

/** What an image is made of beside what every image has. */
export interface OwnParts {
  /** The manifest's images, by their names in it, and the manifest itself. */
  files: ReadonlyMap<string, string>;
  policy: string;
  /** Where Xen and domB's kernel are in it. */
  xen?: { version: string; file: string; kernel: string } | undefined;
}

/** The lock that --locked names; from now on Debian's packages are those of the lock. */
export async function chosenLock({ values }: Input): Promise<ImageLock | undefined> {
  const file = values.get('locked');
  if (file === undefined) return undefined;
  const lock = parseLock(await readFile(file, 'utf8'), file);
  const debian = lock.components.filter(({ kind }) => kind === 'debian');
  lockVersions(new Map(debian.map(({ name, version }) => [name, version])));
  return lock;
}

/** Everything that an image is made of. */
export async function componentsOf({ files, policy, xen }: OwnParts): Promise<Component[]> {
  const paths = new Map([
    ...files,
    ['the FLASK policy', policy],
    ...(xen
      ? [['the hypervisor', xen.file] as const, ['the kernel of domB', xen.kernel] as const]
      : []),
  ]);
  const described = await hashFiles([...paths.values()]);
  const own = [...paths].map(([name, path]): Component => {
    const sha256 = described.get(path)?.digests.sha256 ?? '';
    return { kind: 'file', name, version: sha256.slice(0, 12), sha256 };
  });
  return [
    ...(await bootComponents()),
    ...(xen
      ? [{ kind: 'xen' as const, name: 'xen', version: xen.version, license: 'GPL-2.0-only' }]
      : []),
    ...own,
  ];
}

/** @throws {@link LockError} with all that differs */
export function requireLocked(lock: ImageLock | undefined, components: readonly Component[]): void {
  const different = lock === undefined ? [] : lockDifferences(lock, components);
  if (different.length === 0) return;
  throw new LockError(
    `this would not be the image that is locked:\n  ${different.join('\n  ')}`,
    'bring these back, or leave --locked out for an image of what is here',
  );
}

/** @throws {@link LockError} where an image of the same parts has become another one */
export function requireSame(lock: ImageLock | undefined, sha256: string, signed: boolean): void {
  if (signed || lock?.sha256 === undefined || lock.sha256 === sha256) return;
  throw new LockError(
    `the image has the digest sha256:${sha256}, and sha256:${lock.sha256} is locked`,
    'it was made with other tools: options, or the compiler of a part, differ',
  );
}

/**
 * Writes beside an image the list of what is in it, and the lock with which it is made again.
 * @returns their names; none beside what is no file
 */
export async function writeBill(
  output: string,
  sha256: string,
  components: readonly Component[],
  signed: boolean,
): Promise<string[]> {
  if (!statSync(output).isFile()) return [];
  const lock: ImageLock = { lock: 1, ...(signed ? {} : { sha256 }), components: [...components] };
  const texts = {
    [`${output}.cdx.json`]: cycloneDx({ name: basename(output), sha256, components }),
    [`${output}.lock.json`]: `${JSON.stringify(lock, null, 2)}\n`,
  };
  for (const [file, text] of Object.entries(texts)) {
    await writing(file, () => replaceFile(file, (to) => writeFile(to, text)));
  }
  return Object.keys(texts);
}
