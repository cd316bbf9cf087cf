/** What was seen of the boot that runs. */
export interface SeenByLoader {
  /** The release that was started last. */
  booted?: string;
  /** The release on trial, where it was started. */
  tried?: string;
  /** The release that it starts when nothing else is said. */
  default?: string;
  /** A release is still to be tried. */
  pending: boolean;
}

/** Whatever starts a release: it tries one once, and has a default that only {@link promote} changes. */
export interface BootLoader {
  /** @throws HostError where it can't be used on this host */
  check(): Promise<void>;
  /** Has the default stay what it is from now on. */
  begin(): Promise<void>;
  /** Has it know the releases that there are. */
  refresh(): Promise<void>;
  /** Has the next boot, and no other, start a release. */
  tryOnce(release: string): Promise<void>;
  /** Takes back {@link tryOnce}, where the boot was not tried. */
  forget(): Promise<void>;
  /** Makes a release the default. */
  promote(release: string): Promise<void>;
  /** @param trial the release on trial */
  seen(trial?: string): Promise<SeenByLoader>;
  /** Has the host boot as before domb. */
  leave(): Promise<void>;
  /** What it writes, in words for people. */
  readonly changes: readonly string[];
}
