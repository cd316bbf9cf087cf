import { contentDigests } from '../../measurement/content.ts';
import type { Component } from './components.ts';

/** A boot image, by what is in it. */
export interface BilledImage {
  /** Of the file. */
  name: string;
  sha256: string;
  components: readonly Component[];
}

/** The list of what is in an image, in the form CycloneDX 1.5. The same image gives the same text: it has no time and no serial number of chance. */
export function cycloneDx({ name, sha256, components }: BilledImage): string {
  const listed = components.map(cycloneComponent);
  const id = contentDigests(Buffer.from(JSON.stringify([sha256, listed]))).sha256 ?? '';
  const digits = [
    [0, 8],
    [8, 12],
    [12, 16],
    [16, 20],
    [20, 32],
  ].map(([a, b]) => id.slice(a, b));
  const document = {
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    // Version 8: of our own making (RFC 9562, 5.8).
    serialNumber: `urn:uuid:${digits[0]}-${digits[1]}-8${digits[2]?.slice(1)}-8${digits[3]?.slice(1)}-${digits[4]}`,
    version: 1,
    metadata: {
      component: {
        ...{ type: 'firmware', name, version: sha256.slice(0, 12) },
        hashes: [{ alg: 'SHA-256', content: sha256 }],
      },
    },
    components: listed,
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

function cycloneComponent({ kind, name, version, integrity, sha256, license }: Component) {
  const purl = purlOf(kind, name, version);
  const sha512 = integrity?.startsWith('sha512-')
    ? Buffer.from(integrity.slice(7), 'base64').toString('hex')
    : undefined;
  const hashes = [
    ...(sha256 === undefined ? [] : [{ alg: 'SHA-256', content: sha256 }]),
    ...(sha512 === undefined ? [] : [{ alg: 'SHA-512', content: sha512 }]),
  ];
  return {
    type: kind === 'file' ? 'file' : kind === 'npm' ? 'library' : 'application',
    name,
    version,
    ...(purl === undefined ? {} : { 'bom-ref': purl, purl }),
    ...(license === undefined ? {} : { licenses: [{ license: { id: license } }] }),
    ...(hashes.length > 0 ? { hashes } : {}),
  };
}

/** Package URLs (github.com/package-url/purl-spec). */
function purlOf(kind: Component['kind'], name: string, version: string): string | undefined {
  const at = encodeURIComponent(version);
  if (kind === 'debian') return `pkg:deb/debian/${name}@${at}?arch=amd64&distro=bookworm`;
  if (kind === 'npm') return `pkg:npm/${name.replace('@', '%40')}@${at}`;
  if (kind === 'xen') return `pkg:deb/debian/xen@${at}?arch=source&distro=bookworm`;
  return undefined;
}

/** What an image was made of, to make it again. */
export interface ImageLock {
  lock: 1;
  /** Of the image; left out where it is signed, since a signature holds the time. */
  sha256?: string;
  components: Component[];
}

/** A lock that is none, or that what is here does not fit. */
export class LockError extends Error {
  override name = 'LockError';
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

/** @param source its name in messages @throws {@link LockError} */
export function parseLock(text: string, source: string): ImageLock {
  try {
    const lock = JSON.parse(text) as ImageLock;
    const sound = lock.components.every(({ kind, name, version }) =>
      [kind, name, version].every((each) => typeof each === 'string'),
    );
    if (lock.lock === 1 && sound) return lock;
  } catch {}
  throw new LockError(
    `${source}: this is no lock of a boot image`,
    'name the file IMAGE.lock.json',
  );
}

/** What differs from a lock, one thing a line. */
export function lockDifferences(lock: ImageLock, components: readonly Component[]): string[] {
  const key = ({ kind, name }: Component) => `${kind} ${name}`;
  const value = ({ version, integrity, sha256 }: Component) =>
    [version, integrity, sha256].filter(Boolean).join(', ');
  const here = new Map(components.map((each) => [key(each), value(each)]));
  const locked = new Map(lock.components.map((each) => [key(each), value(each)]));
  return [
    ...[...locked].flatMap(([name, wanted]) => {
      const found = here.get(name);
      return found === wanted
        ? []
        : [`${name}: ${wanted} is locked, and ${found ?? 'none'} is here`];
    }),
    ...[...here.keys()].filter((name) => !locked.has(name)).map((name) => `${name}: is not locked`),
  ];
}
