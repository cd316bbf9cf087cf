/** What the backend needs of xenstore; paths are absolute, or relative to this domain's own directory. */
export interface Store {
  /** Undefined when there is nothing, or nothing that this domain may read. */
  read(path: string): string | undefined;
  /** Names of the children; none when there is no such directory. */
  list(path: string): string[];
  write(path: string, value: string): void;
  /** Removes `path` and all below it, if it is there. */
  remove(path: string): void;
  /** From now on {@link nextChanges} reports changes at or below `path`, and one at once. */
  watch(path: string, token: string): void;
  unwatch(path: string, token: string): void;
  /** All changes that there are, at least one: where, and the token of the watch. */
  nextChanges(): Promise<Change[]>;
}

/** A change at or below a path that is watched. */
export interface Change {
  path: string;
  token: string;
}
