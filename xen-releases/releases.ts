import { xen417 } from './4.17/release.ts';
import type { XenRelease } from './release.ts';

/** Every release that this domb boots on, oldest first. */
export const xenReleases: readonly XenRelease[] = [xen417];

/** The release that our own hypervisor, images and virtual machines are made of. */
export const ownRelease: XenRelease = xen417;

/** A Xen that is not among the releases. */
export class UnknownXenError extends Error {
  override name = 'UnknownXenError';
  readonly version: string;
  /** What to do about it. */
  readonly hint: string;

  constructor(version: string, releases: readonly XenRelease[]) {
    const known = releases.map((release) => release.version).join(', ');
    super(`Xen ${version} is not known to this domb, which knows ${known}`);
    this.version = version;
    this.hint = `boot Xen ${known}, or add Xen ${version} as xen-releases/README.md says and rebuild`;
  }
}

/**
 * The release of a running Xen.
 * @param version as `major.minor`
 * @throws UnknownXenError
 */
export function releaseFor(
  version: string,
  releases: readonly XenRelease[] = xenReleases,
): XenRelease {
  const release = releases.find((each) => each.version === version);
  if (release === undefined) throw new UnknownXenError(version, releases);
  return release;
}

/** The numbers of all CPU features that some release knows. A number never changes its meaning: the header is public. */
export function cpuFeatureNumbers(
  releases: readonly XenRelease[] = xenReleases,
): Readonly<Record<string, number>> {
  return Object.assign({}, ...releases.map(({ layout }) => layout.cpuFeatures));
}
